"""The launchers and sweepers of Hydra that ganexp knows: the extra that installs each, and ganexp's settings for it.

A launcher decides where the jobs of a sweep run. A sweeper decides which jobs there are.
"""

from ganexp.config import CONF
from ganexp.console.arguments import Arguments
from ganexp.extras import require

PRESETS = CONF / "hydra" / "presets"
"""`launcher/NAME.yaml` and `sweeper/NAME.yaml`. The plugin's own YAML has the same name, so Hydra must get both."""

PLUGINS = {
    ("launcher", "joblib"): ("joblib", "hydra_joblib_launcher"),
    ("launcher", "submitit_local"): ("submitit", "hydra_submitit_launcher"),
    ("launcher", "submitit_slurm"): ("submitit", "hydra_submitit_launcher"),
    ("launcher", "ray"): ("ray", "hydra_ray_launcher"),
    ("sweeper", "optuna"): ("optuna", "hydra_optuna_sweeper"),
}
"""The extra, and the package below `hydra_plugins`, of each choice."""


def with_presets(read: Arguments) -> Arguments:
    """Add ganexp's settings to a chosen launcher and sweeper. Values that are typed win over the settings.

    UserError, with what to install, if a plugin is missing.
    """
    words = []
    for group in ("launcher", "sweeper"):
        name = read.value(f"hydra/{group}")
        if isinstance(name, str) and (group, name) in PLUGINS:
            require_plugin(group, name)
            words.append(f"+hydra/presets/{group}={name}")
    return read.around(before=words)


def require_plugin(group: str, name: str) -> None:
    """UserError, with what to install, if the plugin of a choice is missing."""
    extra, package = PLUGINS[group, name]
    require(f"hydra/{group}={name}", extra, f"hydra_plugins.{package}")
