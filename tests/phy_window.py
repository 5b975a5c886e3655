"""Opens a folder in Phy's own window, merges two clusters and saves. Prints what it saw as JSON. Runs where Phy is."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    from phy.apps.template import get_template_params
    from phy.apps.template.gui import TemplateController
    from phy.gui import create_app
    from phy.gui.qt import QApplication

    def settle() -> None:
        for _ in range(30):
            QApplication.processEvents()

    folder, merge = Path(sys.argv[1]), [int(word) for word in sys.argv[2:]]
    create_app()
    controller = TemplateController(**get_template_params(folder / "params.py"), config_dir=folder / "config")
    gui = controller.create_gui(do_prompt_save=False)
    gui.show()
    settle()
    supervisor = controller.supervisor
    ids = [int(cluster) for cluster in supervisor.clustering.cluster_ids]
    groups = {cluster: supervisor.cluster_meta.get("group", cluster) for cluster in ids}
    views = sorted({type(view).__name__ for view in gui.views})
    supervisor.select(merge)
    settle()
    supervisor.merge(merge)
    settle()
    merged = max(int(cluster) for cluster in supervisor.clustering.cluster_ids)
    supervisor.save()
    settle()
    gui.close()
    print(json.dumps({"ids": ids, "groups": groups, "views": views, "merged": merged}), flush=True)


if __name__ == "__main__":
    main()
