"""`script/bench [NAME …] [--quick] [--json] [--write]`: run benchmarks and print them.

Exits with 1 if one of them misses its mark.
"""

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument(
        "names",
        nargs="*",
        help=(
            "accept, drain, strangers, suppressed, enriched, imports, refresh, segments; all of "
            "these without a name. With a store of their own: proposals, joining, activation, "
            "erasures, exports"
        ),
    )
    parser.add_argument("--quick", action="store_true", help="small, in under five minutes")
    parser.add_argument("--json", action="store_true", help="print JSON too")
    parser.add_argument(
        "--write", action="store_true", help="write the table into docs/performance.md"
    )
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("DATA_DIR", "var/bench")
    # Each run begins with an empty database, which would be behind the last one's journal.
    os.environ.setdefault("PRIVACY_JOURNAL", "none")
    if packages := os.environ.get("BENCH_PACKAGES"):
        sys.path.append(packages)
    # WhiteNoise warns if the directory of static files is missing.
    Path(os.environ["DATA_DIR"], "static").mkdir(parents=True, exist_ok=True)

    # Imported here, since settings are read on import.
    import django

    from config.runtime import embedded

    with embedded.report_start_errors():
        embedded.join()
        django.setup()
        from benchmarks import report, runs

        known = [*runs.RUNS, *runs.OWN_STORES]
        unknown = set(options.names) - set(known)
        if unknown:
            parser.error(f"unknown: {', '.join(sorted(unknown))}; one of {', '.join(known)}")
        size = runs.QUICK if options.quick else runs.LONG
        names = options.names or list(runs.RUNS)
        measures = runs.run_alone(names, is_quick=options.quick)
        if shared := [name for name in names if name in runs.RUNS]:
            measures += runs.run(shared, size)
    report.print_table(measures)
    if options.write:
        report.write_table(measures, size.name)
    if options.json:
        report.print_json(measures)
    return 0 if all(measure.is_reached for measure in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
