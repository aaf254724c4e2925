#include "script_client.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "sys/file.h"

namespace inro::conformance {
namespace {

using Clock = std::chrono::steady_clock;

Result<std::string> Read(int stream, std::size_t most, Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  pollfd readable{stream, POLLIN, 0};
  if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0) {
    return Fail("the script server does not answer");
  }
  std::string bytes(most, '\0');
  const ssize_t got = ::read(stream, bytes.data(), most);
  if (got < 0) return FailErrno("read from the script server");
  if (got == 0) return Fail("the script server has hung up");
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

}  // namespace

Result<ScriptOutcome> RunScript(int stream, std::string_view script, std::chrono::seconds limit) {
  const std::string head = fmt::format("{} {}\n", limit.count(), script.size());
  INRO_TRY(sys::WriteAll(stream, head + std::string(script), "the script server"));
  const Clock::time_point end = Clock::now() + limit + std::chrono::seconds(20);
  std::string line;
  while (!line.ends_with('\n')) {
    INRO_ASSIGN(const std::string byte, Read(stream, 1, end));
    line += byte;
  }
  ScriptOutcome outcome;
  std::size_t size = 0;
  if (std::sscanf(line.c_str(), "%d %zu", &outcome.code, &size) != 2) {
    return Fail("the script server says {}", line);
  }
  while (outcome.output.size() < size) {
    INRO_ASSIGN(const std::string bytes, Read(stream, size - outcome.output.size(), end));
    outcome.output += bytes;
  }
  return outcome;
}

}  // namespace inro::conformance
