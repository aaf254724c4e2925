// Those who read the log: each has a place in the ring and a small buffer of lines on the way.
//
// A reader is in one of the states *asking* (a local one that has not said yet from where on),
// *reading* (bytes are written as its socket takes them), *waiting* (it has all there is), *full*
// (its socket takes nothing: it is left alone until it does, and what leaves the ring meanwhile is
// counted and said to it in a record), and, at the collector's end, *closing* (all is written, and
// its end of the stream is awaited). No reader can hold up the collector or another reader.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "guest/logs/ring.h"
#include "wire/loop.h"

namespace inro::guest::logs {

class Readers {
 public:
  static constexpr std::size_t kMaxReaders = 64;
  static constexpr std::size_t kBuffer = 32 << 10;  // of lines for one reader

  Readers(wire::Loop& loop, const Ring& ring);
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;
  ~Readers();

  enum class Kind {
    kRemote,  // gets every kept record, from the oldest on
    kLocal,   // says first "AFTER <seq>\n"; an empty line tells it that it has all there is
  };
  // Takes a connected non-blocking socket. With kMaxReaders there already, a reader whose other end
  // has stopped writing makes place; else the new one is turned away (false).
  bool Add(UniqueFd socket, Kind kind);
  // New records are in the ring.
  void Pump();
  // The collector ends: when a reader has got all, its stream is ended. `done` is called once, when
  // the last one has hung up; the caller limits the time.
  void Finish(std::function<void()> done);

  std::size_t size() const { return readers_.size(); }
  std::uint64_t lost() const { return lost_; }  // records that some reader did not get

 private:
  struct Reader;
  void Ready(std::uint64_t id, std::uint32_t events);
  bool TakeInput(Reader& reader);
  // False when the reader is gone.
  bool Write(Reader& reader);
  void Fill(Reader& reader);
  void Arm(Reader& reader, bool want_write);
  void Remove(std::uint64_t id);
  void CheckDone();

  wire::Loop& loop_;
  const Ring& ring_;
  std::map<std::uint64_t, std::unique_ptr<Reader>> readers_;
  std::uint64_t next_id_ = 1;
  std::uint64_t lost_ = 0;
  bool finishing_ = false;
  std::function<void()> done_;
};

}  // namespace inro::guest::logs
