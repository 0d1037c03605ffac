"""What pyproject.toml cannot say: a wheel holds the files of resources/ and the manual, in engine/bundled."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithResources(build_py):
    """Copies the bundled files beside the engine's modules; pictures for the README stay behind."""

    def run(self) -> None:
        """Build the packages, then add the files. An editable installation reads them where they are."""
        super().run()
        if not self.editable_mode:
            bundled = Path(self.build_lib) / "engine" / "bundled"
            shutil.rmtree(bundled, ignore_errors=True)
            shutil.copytree("resources", bundled, ignore=shutil.ignore_patterns("screenshots"))
            shutil.copytree("docs/manual", bundled / "manual")


setup(cmdclass={"build_py": BuildWithResources})
