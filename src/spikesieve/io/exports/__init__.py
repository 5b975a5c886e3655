"""What other programs read: NWB files, and folders for Phy, UnitMatch, IBL's tools and tables."""
