// Reads the values of one D-Bus message at their alignment (D-Bus Specification, "Marshaling").
// Every read says false, and nothing more can be read, once the bytes are malformed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace inro::guest::trace {

class BusCursor {
 public:
  // `bytes` begin at the start of the message or of its body, which is aligned.
  BusCursor(std::string_view bytes, std::size_t at) : bytes_(bytes), at_(at) {}

  std::size_t at() const { return at_; }
  bool Align(std::size_t to);
  bool Byte(char& value);
  bool Word(std::uint32_t& value);
  bool LongWord(std::uint64_t& value);
  bool Text(std::string_view& value);       // a string or an object path
  bool Signature(std::string_view& value);  // also a variant's type
  // Steps over values of these types.
  bool Skip(std::string_view signature);

 private:
  static constexpr int kMostDepth = 32;

  bool Take(std::size_t size, std::string_view& value);
  // Steps over one value and takes its type off the signature.
  bool SkipOne(std::string_view& signature, int depth);

  std::string_view bytes_;
  std::size_t at_;
};

}  // namespace inro::guest::trace
