"""The interactive page: a small server of what `spikesieve.views` computes, and a page that draws it.

Everything that a curator decides goes through `session.Session.decide`, which is the only thing here that changes.
"""
