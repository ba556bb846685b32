"""Turns text into capitals."""

from wit_world import exports

# from wit_world.imports import host    # host.log(...), host.param("name"), host.progress(1, 2)
# from componentize_py_types import Err
# from wit_world.imports.types import JobError_BadInput    # raise Err(JobError_BadInput("why"))


class MapperBytes(exports.MapperBytes):
    def run(self, task, chunk: bytes) -> bytes:
        """`task` tells the chunk's place: index, count, offset, seed."""
        return bytes(chunk).upper()
