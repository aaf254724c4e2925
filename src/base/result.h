// Errors as values: what was attempted, on what, and why, as a chain that is printed once, at the
// top.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace inro {

// What the caller can do about an error; decides the exit code of the CLI (see ExitCode()).
enum class ErrorKind {
  kFailed,       // it was tried and failed
  kBadInput,     // the user's input is wrong: usage, definition, a name that does not exist
  kNotFound,     // a file or object that was looked for is absent
  kTimeout,      // not done in time
  kClosed,       // the peer went away
  kInterrupted,  // the user asked to stop
};

// An error: a message, where in the user's input it is (if it is about input), and its cause.
// Immutable, cheap to copy and move.
class Error {
 public:
  Error(ErrorKind kind, std::string message);

  // "attempted: strerror(err)"; kind kNotFound for ENOENT. `err` is an errno value.
  static Error FromErrno(std::string_view attempted, int err);
  // The same with the current errno.
  static Error FromErrno(std::string_view attempted);
  // An error in a file of the user's; line 0 when unknown.
  static Error InFile(std::string_view file, int line, std::string message);

  // A new error whose cause is this one; keeps the kind.
  Error Wrap(std::string message) const;

  ErrorKind kind() const;
  int sys_errno() const;               // 0 when the error is not from a system call
  const std::string& message() const;  // of this level only
  const std::string& file() const;     // empty when not about a file
  int line() const;

  // The whole chain: "FILE:LINE: message: cause: cause".
  std::string ToString() const;

 private:
  struct Data;
  explicit Error(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
};

template <class T = void>
using Result = std::expected<T, Error>;

// Shorthand: `return Fail("no such suite {}", suite);`
template <class... Args>
std::unexpected<Error> Fail(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(
      Error(ErrorKind::kFailed, fmt::format(format, std::forward<Args>(args)...)));
}
template <class... Args>
std::unexpected<Error> FailAs(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error(kind, fmt::format(format, std::forward<Args>(args)...)));
}
template <class... Args>
std::unexpected<Error> FailErrno(fmt::format_string<Args...> format, Args&&... args) {
  const int err = errno;
  return std::unexpected(Error::FromErrno(fmt::format(format, std::forward<Args>(args)...), err));
}

// The documented exit code for an error: 1 failed, 2 bad input, 130 interrupted.
int ExitCode(const Error& error);

}  // namespace inro

#define INRO_CONCAT_INNER(a, b) a##b
#define INRO_CONCAT(a, b) INRO_CONCAT_INNER(a, b)

// Returns the error of `expr` from the enclosing function.
#define INRO_TRY(expr)                                        \
  do {                                                        \
    if (auto inro_result = (expr); !inro_result) {            \
      return std::unexpected(std::move(inro_result).error()); \
    }                                                         \
  } while (false)

// `INRO_ASSIGN(auto x, Compute());`: x is the value, or the error is returned.
#define INRO_ASSIGN(lhs, expr) INRO_ASSIGN_IMPL(INRO_CONCAT(inro_result_, __LINE__), lhs, expr)
#define INRO_ASSIGN_IMPL(name, lhs, expr)                     \
  auto name = (expr);                                         \
  if (!name) return std::unexpected(std::move(name).error()); \
  lhs = std::move(*name)
