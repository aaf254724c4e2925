// Programs that the host runs in the guest (proto/control.proto) as plain structs; see message.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/message.h"

namespace inro::protocol {

// The most bytes that one ExecWrite, ExecRead, CopyWrite or CopyRead carries.
inline constexpr std::uint32_t kTransferLimit = 1 << 20;

struct ExecStartRequest {
  static constexpr std::string_view kName = "inro.control.v1.ExecStartRequest";
  std::vector<std::string> argv;  // empty: a shell
  std::vector<std::string> env;   // NAME=VALUE, over the user's own
  std::string directory;          // empty: "/"; of a shell, the user's home
  std::string user;               // name or number, then ":group" perhaps; empty: root
  bool terminal = false;          // on a pseudo-terminal of its own
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "argv", &ExecStartRequest::argv);
    visit(2, "env", &ExecStartRequest::env);
    visit(3, "directory", &ExecStartRequest::directory);
    visit(4, "user", &ExecStartRequest::user);
    visit(5, "terminal", &ExecStartRequest::terminal);
    visit(6, "rows", &ExecStartRequest::rows);
    visit(7, "columns", &ExecStartRequest::columns);
  }
};

struct ExecStartResponse {
  static constexpr std::string_view kName = "inro.control.v1.ExecStartResponse";
  std::uint64_t id = 0;     // 0: it did not start
  std::uint32_t pid = 0;    // in the guest
  std::uint32_t error = 0;  // errno of the start; 0: it did
  std::string message;      // what went wrong, in words
  std::string program;      // the path that was executed

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &ExecStartResponse::id);
    visit(2, "pid", &ExecStartResponse::pid);
    visit(3, "error", &ExecStartResponse::error);
    visit(4, "message", &ExecStartResponse::message);
    visit(5, "program", &ExecStartResponse::program);
  }
};

struct ExecWriteRequest {
  static constexpr std::string_view kName = "inro.control.v1.ExecWriteRequest";
  std::uint64_t id = 0;
  std::string data;
  bool eof = false;  // nothing follows

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &ExecWriteRequest::id);
    visit(2, "data", &ExecWriteRequest::data);
    visit(3, "eof", &ExecWriteRequest::eof);
  }
};

struct ExecWriteResponse {
  static constexpr std::string_view kName = "inro.control.v1.ExecWriteResponse";
  bool closed = false;  // nobody reads it any more

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "closed", &ExecWriteResponse::closed);
  }
};

enum class ExecStream : std::int32_t { kUnset = 0, kOutput = 1, kError = 2 };

struct ExecReadRequest {
  static constexpr std::string_view kName = "inro.control.v1.ExecReadRequest";
  std::uint64_t id = 0;
  ExecStream stream{};
  std::uint32_t limit = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &ExecReadRequest::id);
    visit(2, "stream", &ExecReadRequest::stream);
    visit(3, "limit", &ExecReadRequest::limit);
  }
};

struct ExecReadResponse {
  static constexpr std::string_view kName = "inro.control.v1.ExecReadResponse";
  std::string data;
  bool eof = false;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "data", &ExecReadResponse::data);
    visit(2, "eof", &ExecReadResponse::eof);
  }
};

struct ExecResizeRequest {
  static constexpr std::string_view kName = "inro.control.v1.ExecResizeRequest";
  std::uint64_t id = 0;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &ExecResizeRequest::id);
    visit(2, "rows", &ExecResizeRequest::rows);
    visit(3, "columns", &ExecResizeRequest::columns);
  }
};

struct ExecSignalRequest {
  static constexpr std::string_view kName = "inro.control.v1.ExecSignalRequest";
  std::uint64_t id = 0;
  std::uint32_t signal = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &ExecSignalRequest::id);
    visit(2, "signal", &ExecSignalRequest::signal);
  }
};

struct ExecWaitRequest {
  static constexpr std::string_view kName = "inro.control.v1.ExecWaitRequest";
  std::uint64_t id = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &ExecWaitRequest::id);
  }
};

struct ExecWaitResponse {
  static constexpr std::string_view kName = "inro.control.v1.ExecWaitResponse";
  std::uint32_t code = 0;
  std::uint32_t signal = 0;  // that killed it; 0: it exited with `code`

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "code", &ExecWaitResponse::code);
    visit(2, "signal", &ExecWaitResponse::signal);
  }
};

}  // namespace inro::protocol
