#include "protocol/control_message.h"

#include "wire/protobuf.h"

namespace inro::protocol {
namespace {

using wire::WireField;
using wire::WireReader;
using wire::WireType;
using wire::WireWriter;

// One object a message walks over its fields twice: with a Put to encode and a Get to decode. So
// the numbers of proto/control.proto stand once.
class Put {
 public:
  explicit Put(std::string& out) : writer_(out) {}
  void operator()(std::uint32_t field, const std::string& value) {
    if (!value.empty()) writer_.Bytes(field, value);
  }
  void operator()(std::uint32_t field, std::uint64_t value) {
    if (value != 0) writer_.Varint(field, value);
  }
  void operator()(std::uint32_t field, std::uint32_t value) {
    (*this)(field, static_cast<std::uint64_t>(value));
  }
  void operator()(std::uint32_t field, bool value) {
    (*this)(field, static_cast<std::uint64_t>(value));
  }
  void operator()(std::uint32_t field, const std::vector<std::string>& values) {
    for (const std::string& value : values) writer_.Bytes(field, value);
  }
  template <class Message>
  void operator()(std::uint32_t field, const std::vector<Message>& values);

 private:
  WireWriter writer_;
};

class Get {
 public:
  explicit Get(const WireField& field) : at_(field) {}
  bool ok() const { return ok_; }
  void operator()(std::uint32_t field, std::string& value) {
    if (Is(field, WireType::kLength)) value = at_.bytes;
  }
  void operator()(std::uint32_t field, std::uint64_t& value) {
    if (Is(field, WireType::kVarint)) value = at_.number;
  }
  void operator()(std::uint32_t field, std::uint32_t& value) {
    if (Is(field, WireType::kVarint)) value = static_cast<std::uint32_t>(at_.number);
  }
  void operator()(std::uint32_t field, bool& value) {
    if (Is(field, WireType::kVarint)) value = at_.number != 0;
  }
  void operator()(std::uint32_t field, std::vector<std::string>& values) {
    if (Is(field, WireType::kLength)) values.emplace_back(at_.bytes);
  }
  template <class Message>
  void operator()(std::uint32_t field, std::vector<Message>& values);

 private:
  bool Is(std::uint32_t field, WireType type) const {
    return at_.field == field && at_.type == type;
  }
  const WireField& at_;
  bool ok_ = true;
};

template <class Visitor, class Message>
  requires std::is_same_v<std::remove_const_t<Message>, UnitState>
void Walk(Visitor& visit, Message& m) {
  visit(1, m.name);
  visit(2, m.state);
  visit(3, m.pid);
  visit(4, m.started_us);
  visit(5, m.active_us);
  visit(6, m.result);
}

template <class Visitor, class Message>
  requires std::is_same_v<std::remove_const_t<Message>, ProcessState>
void Walk(Visitor& visit, Message& m) {
  visit(1, m.pid);
  visit(2, m.name);
  visit(3, m.unit);
  visit(4, m.rss_kib);
  visit(5, m.pss_kib);
  visit(6, m.kernel_thread);
  visit(7, m.uid);
}

template <class Visitor, class Message>
  requires std::is_same_v<std::remove_const_t<Message>, StateResponse>
void Walk(Visitor& visit, Message& m) {
  visit(1, m.monotonic_us);
  visit(2, m.memory_available_kib);
  visit(3, m.init);
  visit(4, m.units);
  visit(5, m.processes);
  visit(6, m.os_release);
  visit(7, m.own_pid);
  visit(8, m.init_started_us);
}

template <class Visitor, class Message>
  requires std::is_same_v<std::remove_const_t<Message>, ProbeRequest>
void Walk(Visitor& visit, Message& m) {
  visit(1, m.features);
}

template <class Visitor, class Message>
  requires std::is_same_v<std::remove_const_t<Message>, Finding>
void Walk(Visitor& visit, Message& m) {
  visit(1, m.feature);
  visit(2, m.yes);
  visit(3, m.evidence);
}

template <class Visitor, class Message>
  requires std::is_same_v<std::remove_const_t<Message>, ProbeResponse>
void Walk(Visitor& visit, Message& m) {
  visit(1, m.findings);
}

template <class Message>
std::string EncodeMessage(const Message& message) {
  std::string bytes;
  Put put(bytes);
  Walk(put, message);
  return bytes;
}

template <class Message>
bool DecodeMessage(std::string_view bytes, Message& message) {
  WireReader reader(bytes);
  WireField field;
  while (reader.Next(field)) {
    Get get(field);
    Walk(get, message);
    if (!get.ok()) return false;
  }
  return !reader.malformed();
}

template <class Message>
void Put::operator()(std::uint32_t field, const std::vector<Message>& values) {
  for (const Message& value : values) writer_.Bytes(field, EncodeMessage(value));
}

template <class Message>
void Get::operator()(std::uint32_t field, std::vector<Message>& values) {
  if (!Is(field, WireType::kLength)) return;
  values.emplace_back();
  ok_ = DecodeMessage(at_.bytes, values.back());
}

}  // namespace

std::string Encode(const StateResponse& message) { return EncodeMessage(message); }
std::string Encode(const ProbeRequest& message) { return EncodeMessage(message); }
std::string Encode(const ProbeResponse& message) { return EncodeMessage(message); }
bool Decode(std::string_view bytes, StateResponse& message) {
  return DecodeMessage(bytes, message);
}
bool Decode(std::string_view bytes, ProbeRequest& message) { return DecodeMessage(bytes, message); }
bool Decode(std::string_view bytes, ProbeResponse& message) {
  return DecodeMessage(bytes, message);
}

}  // namespace inro::protocol
