// The newest records, in a fixed number of bytes.
//
// The bytes are a memory file: its pages come into being as they are first written, and a later
// process that is given the descriptor goes on where an earlier one was killed, at whatever
// instruction. For that, an entry is written before it is made part of the ring (head moves last),
// and old entries leave it (tail moves) before their bytes are written over.
//
// Invariants: tail <= head <= tail + capacity, both absolute and growing for ever; an entry never
// wraps; sequence numbers of neighbours differ by one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"
#include "guest/logs/record.h"

namespace inro::guest::logs {

inline constexpr std::size_t kSmallestRing = 128 << 10;

class Ring {
 public:
  // Where a reader is. Of a ring that moved on, a cursor still says how much was missed.
  struct Cursor {
    std::uint64_t offset = 0;
    std::uint64_t seq = 0;  // of the next record
  };

  // `capacity` is rounded up to kSmallestRing and to whole pages.
  static Result<Ring> Create(std::size_t capacity);
  // Goes on with the ring in `file`. An error when what it holds is no ring, or a damaged one.
  static Result<Ring> Adopt(UniqueFd file);
  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&&) = delete;
  ~Ring();

  // Adds a record (its seq is ignored, its texts are cut to their limits) and gives its number.
  std::uint64_t Append(const Record& record);

  Cursor Oldest() const;
  // The first kept record after `seq`; the oldest one when `seq` is no number of this ring's: the
  // reader has it from an earlier ring.
  Cursor After(std::uint64_t seq) const;
  // The record at the cursor, which moves on; false when there is none yet. When records at the
  // cursor are gone, `lost` is their number and the record is the oldest kept one. The record's
  // views hold until the next Append.
  bool Next(Cursor& cursor, Record& record, std::uint64_t& lost) const;

  std::uint64_t last_seq() const;  // 0: none ever
  std::uint64_t kept() const;      // records in the ring
  std::size_t capacity() const;
  int file() const { return file_.get(); }

  // The kernel's number of the last record taken from it, plus one; kept with the ring, so that a
  // later process goes on there.
  std::uint64_t kernel_next() const;
  void set_kernel_next(std::uint64_t number);

 private:
  struct Control;
  struct Entry;
  Ring(UniqueFd file, void* mapping, std::size_t size);
  bool Check();
  char* At(std::uint64_t offset) const;
  const Entry* EntryAt(std::uint64_t offset) const;
  std::uint64_t SkipGap(std::uint64_t offset) const;

  UniqueFd file_;
  Control* control_ = nullptr;
  char* data_ = nullptr;
  std::size_t mapped_ = 0;
};

}  // namespace inro::guest::logs
