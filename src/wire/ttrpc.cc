#include "wire/ttrpc.h"

#include <algorithm>
#include <array>
#include <limits>

#include "wire/protobuf.h"

namespace inro::wire {
namespace {

std::uint32_t BigEndian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

void AppendBigEndian(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

constexpr std::array<std::string_view, 17> kCodeNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

bool DecodeKeyValue(std::string_view bytes, Metadata& metadata) {
  auto& [key, value] = metadata.emplace_back();
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.type != WireType::kLength) continue;
    if (field.field == 1) key = field.bytes;
    if (field.field == 2) value = field.bytes;
  }
  return !reader.malformed();
}

bool DecodeStatus(std::string_view bytes, Status& status) {
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.field == 1 && field.type == WireType::kVarint) {
      status.code = static_cast<Code>(static_cast<std::int32_t>(field.number));
    }
    if (field.field == 2 && field.type == WireType::kLength) status.message = field.bytes;
  }
  return !reader.malformed();
}

}  // namespace

std::string CodeName(Code code) {
  const auto index = static_cast<std::size_t>(code);
  if (index < kCodeNames.size()) return std::string(kCodeNames[index]);
  return "CODE_" + std::to_string(static_cast<int>(code));
}

FrameHeader DecodeFrameHeader(std::string_view bytes) {
  return {.length = BigEndian(bytes.substr(0, 4)),
          .stream = BigEndian(bytes.substr(4, 4)),
          .type = static_cast<std::uint8_t>(bytes[8]),
          .flags = static_cast<std::uint8_t>(bytes[9])};
}

std::string EncodeFrame(FrameType type, std::uint32_t stream, std::string_view data) {
  std::string out;
  out.reserve(kFrameHeaderSize + data.size());
  AppendBigEndian(out, static_cast<std::uint32_t>(data.size()));
  AppendBigEndian(out, stream);
  out.push_back(static_cast<char>(type));
  out.push_back(0);
  out.append(data);
  return out;
}

std::string Encode(const Request& request) {
  std::string out;
  WireWriter writer(out);
  if (!request.service.empty()) writer.Bytes(1, request.service);
  if (!request.method.empty()) writer.Bytes(2, request.method);
  if (!request.payload.empty()) writer.Bytes(3, request.payload);
  if (request.timeout_nano != 0) {
    writer.Varint(4, static_cast<std::uint64_t>(request.timeout_nano));
  }
  for (const auto& [key, value] : request.metadata) {
    std::string pair;
    WireWriter pair_writer(pair);
    pair_writer.Bytes(1, key);
    pair_writer.Bytes(2, value);
    writer.Bytes(5, pair);
  }
  return out;
}

std::string Encode(const Response& response) {
  std::string out;
  WireWriter writer(out);
  if (!response.status.ok()) {
    std::string status;
    WireWriter status_writer(status);
    status_writer.Varint(
        1, static_cast<std::uint64_t>(static_cast<std::int64_t>(response.status.code)));
    if (!response.status.message.empty()) status_writer.Bytes(2, response.status.message);
    writer.Bytes(1, status);
  }
  if (!response.payload.empty()) writer.Bytes(2, response.payload);
  return out;
}

bool Decode(std::string_view bytes, Request& request) {
  request = {};
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.type == WireType::kVarint && field.field == 4) {
      request.timeout_nano = static_cast<std::int64_t>(field.number);
    }
    if (field.type != WireType::kLength) continue;
    if (field.field == 1) request.service = field.bytes;
    if (field.field == 2) request.method = field.bytes;
    if (field.field == 3) request.payload = field.bytes;
    if (field.field == 5 && !DecodeKeyValue(field.bytes, request.metadata)) return false;
  }
  return !reader.malformed();
}

bool Decode(std::string_view bytes, Response& response) {
  response = {};
  WireReader reader(bytes);
  for (WireField field; reader.Next(field);) {
    if (field.type != WireType::kLength) continue;
    if (field.field == 1 && !DecodeStatus(field.bytes, response.status)) return false;
    if (field.field == 2) response.payload = field.bytes;
  }
  return !reader.malformed();
}

bool FrameReader::Take(std::string_view& input, Frame& frame) {
  const auto move = [&](std::string& to, std::size_t want) {
    const std::size_t size = std::min(want - to.size(), input.size());
    to.append(input.substr(0, size));
    input.remove_prefix(size);
    return to.size() == want;
  };
  const std::size_t dropped = std::min(drop_, input.size());
  input.remove_prefix(dropped);
  drop_ -= dropped;
  if (drop_ > 0 || !move(header_, kFrameHeaderSize)) return false;
  const FrameHeader header = DecodeFrameHeader(header_);
  if (header.length > kFrameDataLimit) {
    drop_ = header.length;
    header_.clear();
    frame = {.header = header, .data = {}, .too_long = true};
    return true;
  }
  if (!move(data_, header.length)) return false;
  frame = {.header = header, .data = std::move(data_), .too_long = false};
  header_.clear();
  data_ = {};
  return true;
}

}  // namespace inro::wire
