//! Turns text into capitals: a plain program from standard input to standard output.

const std = @import("std");
const wasi = std.os.wasi;

pub fn main() u8 {
    var block: [64 * 1024]u8 = undefined;
    while (true) {
        const count = read(&block) orelse return 1;
        if (count == 0) return 0;
        for (block[0..count]) |*byte| byte.* = std.ascii.toUpper(byte.*);
        if (!write(block[0..count])) return 1;
    }
}

/// The next bytes of standard input; none at its end.
fn read(into: []u8) ?usize {
    const parts = [_]wasi.iovec_t{.{ .base = into.ptr, .len = into.len }};
    var count: usize = 0;
    return if (wasi.fd_read(0, &parts, parts.len, &count) == .SUCCESS) count else null;
}

fn write(bytes: []const u8) bool {
    var rest = bytes;
    while (rest.len > 0) {
        const parts = [_]wasi.ciovec_t{.{ .base = rest.ptr, .len = rest.len }};
        var count: usize = 0;
        if (wasi.fd_write(1, &parts, parts.len, &count) != .SUCCESS) return false;
        rest = rest[count..];
    }
    return true;
}
