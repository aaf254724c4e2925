// Standard output of services: the listener /run/systemd/journal/stdout and its connections.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "guest/logs/intake.h"
#include "guest/logs/process_unit.h"
#include "guest/logs/stdout_stream.h"
#include "wire/loop.h"

namespace inro::guest::logs {

// A service that writes faster than this reads waits in its own write, as with systemd-journald;
// beyond the rate limit its lines are read and dropped. Each connection is kept by the init too, so
// that a new collector goes on with it and no service gets SIGPIPE.
class StdoutSource {
 public:
  static constexpr std::size_t kMaxStreams = 512;

  StdoutSource(wire::Loop& loop, Intake& intake, ProcessUnits& units);
  StdoutSource(const StdoutSource&) = delete;
  StdoutSource& operator=(const StdoutSource&) = delete;
  ~StdoutSource();

  // A connection as it was accepted.
  void Add(UniqueFd socket);
  // One that an earlier collector had, under the name that the init kept it by. False when the name
  // is not of this source.
  bool AddKept(UniqueFd socket, std::string_view name);
  // Takes what has been written and is not read yet, without waiting.
  void Drain();
  std::size_t size() const { return streams_.size(); }

 private:
  struct Stream;
  void Start(std::unique_ptr<Stream> stream);
  // False when the stream is over.
  bool ReadOnce(Stream& stream, bool& more);
  bool ReadSome(Stream& stream, int times);
  void Keep(Stream& stream);
  void Remove(std::uint64_t id);
  void Say(const Stream& stream, std::string_view text, std::uint8_t priority);

  wire::Loop& loop_;
  Intake& intake_;
  ProcessUnits& units_;
  std::map<std::uint64_t, std::unique_ptr<Stream>> streams_;
  std::uint64_t next_id_ = 1;
  std::uint64_t turned_away_ = 0;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace inro::guest::logs
