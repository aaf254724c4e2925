// Messages as plain structs, and the two functions that turn them into protobuf bytes and back.
//
// A message is a struct with a name and one list of its fields, from which both directions (and the
// test against proto/) are derived:
//
//   struct Route {
//     static constexpr std::string_view kName = "types.Route";
//     std::string dest;
//     std::uint32_t scope = 0;
//     template <class V> static void Fields(V&& visit) {
//       visit(1, "dest", &Route::dest);
//       visit(5, "scope", &Route::scope);
//     }
//   };
//
// Member types: bool, (u)int32/64, enum, Fixed32 and Fixed64 (fixed32, fixed64 and double),
// std::string (string and bytes), std::optional of a message or, for members of a oneof, of any of
// these (absent or present), std::vector of strings, numbers or messages. As proto3 has it,
// defaults are not sent, unknown fields are skipped and the last value of a singular field wins.
//
// Why not generated code: docs/decisions/0002-messages-are-plain-structs.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "wire/protobuf.h"

namespace inro::protocol {

template <class M>
concept MessageStruct = requires { M::kName; };

// Numbers with a fixed size on the wire. A double is a Fixed64 with its bits (std::bit_cast).
struct Fixed32 {
  std::uint32_t value = 0;
  friend bool operator==(const Fixed32&, const Fixed32&) = default;
};
struct Fixed64 {
  std::uint64_t value = 0;
  friend bool operator==(const Fixed64&, const Fixed64&) = default;
};

template <MessageStruct M>
std::string Encode(const M& message);
// False when the bytes are malformed; `message` then holds what came before.
template <MessageStruct M>
bool Decode(std::string_view bytes, M& message);

namespace internal {

template <class T>
concept Scalar = std::is_integral_v<T> || std::is_enum_v<T>;

template <Scalar T>
constexpr std::uint64_t ToVarint(T value) {
  // int32 and enums are sign-extended to 64 bits on the wire.
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

template <>
constexpr std::uint64_t ToVarint(std::uint64_t value) {
  return value;
}

template <Scalar T>
constexpr T FromVarint(std::uint64_t value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<T>(static_cast<std::int32_t>(value));
  } else {
    return static_cast<T>(value);
  }
}

class FieldEncoder {
 public:
  explicit FieldEncoder(std::string& out) : out_(out) {}

  template <Scalar T>
  void Put(std::uint32_t number, T value) {
    PutNumber(number, ToVarint(value));
  }
  void Put(std::uint32_t number, const std::string& value);
  void Put(std::uint32_t number, const std::vector<std::string>& values);
  template <Scalar T>
  void Put(std::uint32_t number, const std::vector<T>& values) {
    if (values.empty()) return;
    std::string packed;
    wire::WireWriter writer(packed);
    for (const T value : values) writer.RawVarint(ToVarint(value));
    PutBytes(number, packed);
  }
  void Put(std::uint32_t number, Fixed32 value);
  void Put(std::uint32_t number, Fixed64 value);
  template <MessageStruct M>
  void Put(std::uint32_t number, const std::optional<M>& message) {
    if (message) PutBytes(number, Encode(*message));
  }
  // Members of a oneof are sent also when they are defaults.
  template <Scalar T>
  void Put(std::uint32_t number, const std::optional<T>& value) {
    if (value) wire::WireWriter(out_).Varint(number, ToVarint(*value));
  }
  void Put(std::uint32_t number, const std::optional<std::string>& value);
  void Put(std::uint32_t number, const std::optional<Fixed64>& value);
  template <MessageStruct M>
  void Put(std::uint32_t number, const std::vector<M>& messages) {
    for (const M& message : messages) PutBytes(number, Encode(message));
  }

 private:
  void PutNumber(std::uint32_t number, std::uint64_t value);  // not when it is 0
  void PutBytes(std::uint32_t number, std::string_view bytes);

  std::string& out_;
};

// Takes one field of the bytes into the member with its number.
class FieldDecoder {
 public:
  explicit FieldDecoder(const wire::WireField& field) : field_(field) {}

  template <Scalar T>
  bool Take(T& value) const {
    if (field_.type == wire::WireType::kVarint) value = FromVarint<T>(field_.number);
    return true;
  }
  bool Take(std::string& value) const;
  bool Take(Fixed32& value) const;
  bool Take(Fixed64& value) const;
  template <Scalar T>
  bool Take(std::optional<T>& value) const {
    return field_.type != wire::WireType::kVarint || Take(value.emplace());
  }
  bool Take(std::optional<std::string>& value) const;
  bool Take(std::optional<Fixed64>& value) const;
  bool Take(std::vector<std::string>& values) const;
  template <Scalar T>
  bool Take(std::vector<T>& values) const {
    if (field_.type == wire::WireType::kVarint) values.push_back(FromVarint<T>(field_.number));
    if (field_.type != wire::WireType::kLength) return true;
    std::string_view packed = field_.bytes;
    for (std::uint64_t value = 0; !packed.empty();) {
      if (!wire::WireReader::TakeVarint(packed, value)) return false;
      values.push_back(FromVarint<T>(value));
    }
    return true;
  }
  template <MessageStruct M>
  bool Take(std::optional<M>& message) const {
    if (field_.type != wire::WireType::kLength) return true;
    if (!message) message.emplace();
    return Decode(field_.bytes, *message);
  }
  template <MessageStruct M>
  bool Take(std::vector<M>& messages) const {
    return field_.type != wire::WireType::kLength || Decode(field_.bytes, messages.emplace_back());
  }

 private:
  const wire::WireField& field_;
};

}  // namespace internal

template <MessageStruct M>
std::string Encode(const M& message) {
  std::string out;
  internal::FieldEncoder encoder(out);
  M::Fields([&](std::uint32_t number, const char*, auto member) {
    encoder.Put(number, message.*member);
  });
  return out;
}

template <MessageStruct M>
bool Decode(std::string_view bytes, M& message) {
  wire::WireReader reader(bytes);
  bool good = true;
  for (wire::WireField field; good && reader.Next(field);) {
    const internal::FieldDecoder decoder(field);
    M::Fields([&](std::uint32_t number, const char*, auto member) {
      if (number == field.field) good = decoder.Take(message.*member);
    });
  }
  return good && !reader.malformed();
}

}  // namespace inro::protocol
