"""Verdict files: append-only JSON Lines, one numbered file per run, `verdicts/JUDGE/000001.jsonl`.

A run never touches another run's file, so runs that are killed or overlap cannot damage what is there. A torn
last line is what a killed run leaves: it is dropped on reading and its item is judged again. Where a key stands
twice, the later line wins. Parquet shards, written by the Ray engine and by `compact`, have the same numbers and the
same meaning.
"""

from genspace.store._disk import DiskMap
from genspace.store._files import KEY_COLUMNS, JudgeStore, Key, VerdictWriter, as_json, judge_folders
from genspace.store._formats import COLUMN_TYPES, SCHEMA_VERSION, write_shard
from genspace.store._maintenance import Conflict, compact, merge, remove, rename

__all__ = [
    "COLUMN_TYPES",
    "KEY_COLUMNS",
    "SCHEMA_VERSION",
    "Conflict",
    "DiskMap",
    "JudgeStore",
    "Key",
    "VerdictWriter",
    "as_json",
    "compact",
    "judge_folders",
    "merge",
    "remove",
    "rename",
    "write_shard",
]
