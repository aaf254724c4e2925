#include "guest/agent/netlink_message.h"

#include <algorithm>
#include <cstring>

namespace inro::guest::agent {
namespace {

constexpr std::size_t Padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

}  // namespace

void NetlinkRequest::Start(std::uint16_t type, std::uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  Append({reinterpret_cast<const char*>(&header), sizeof header});
}

void NetlinkRequest::Append(std::string_view bytes) {
  bytes_.append(bytes);
  bytes_.resize(Padded(bytes_.size()));
}

void NetlinkRequest::Attribute(std::uint16_t type, std::string_view bytes) {
  rtattr header{};
  header.rta_len = static_cast<unsigned short>(sizeof header + bytes.size());
  header.rta_type = type;
  Append({reinterpret_cast<const char*>(&header), sizeof header});
  Append(bytes);
}

void NetlinkRequest::Attribute(std::uint16_t type, std::uint32_t value) {
  Attribute(type, {reinterpret_cast<const char*>(&value), sizeof value});
}

void NetlinkRequest::AttributeText(std::uint16_t type, std::string_view text) {
  std::string bytes(text);
  bytes += '\0';
  Attribute(type, bytes);
}

std::size_t NetlinkRequest::BeginNest(std::uint16_t type) {
  const std::size_t nest = bytes_.size();
  Attribute(type, std::string_view());
  return nest;
}

void NetlinkRequest::EndNest(std::size_t nest) {
  const auto size = static_cast<unsigned short>(bytes_.size() - nest);
  std::memcpy(bytes_.data() + nest, &size, sizeof size);
}

const std::string& NetlinkRequest::Finish(std::uint32_t sequence) {
  nlmsghdr header{};
  std::memcpy(&header, bytes_.data(), sizeof header);
  header.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
  header.nlmsg_seq = sequence;
  std::memcpy(bytes_.data(), &header, sizeof header);
  return bytes_;
}

bool TakeBytes(std::string_view& body, void* to, std::size_t size) {
  if (body.size() < size) return false;
  std::memcpy(to, body.data(), size);
  body.remove_prefix(std::min(Padded(size), body.size()));
  return true;
}

bool NetlinkMessages::Next(Message& message) {
  if (rest_.size() < sizeof(nlmsghdr)) return false;
  std::memcpy(&message.header, rest_.data(), sizeof(nlmsghdr));
  const std::size_t size = message.header.nlmsg_len;
  if (size < sizeof(nlmsghdr) || size > rest_.size()) return false;
  message.body = rest_.substr(sizeof(nlmsghdr), size - sizeof(nlmsghdr));
  rest_.remove_prefix(std::min(Padded(size), rest_.size()));
  return true;
}

bool NetlinkAttributes::Next(Attribute& attribute) {
  rtattr header{};
  if (rest_.size() < sizeof header) return false;
  std::memcpy(&header, rest_.data(), sizeof header);
  if (header.rta_len < sizeof header || header.rta_len > rest_.size()) return false;
  attribute.type = header.rta_type & NLA_TYPE_MASK;
  attribute.bytes = rest_.substr(sizeof header, header.rta_len - sizeof header);
  rest_.remove_prefix(std::min(Padded(header.rta_len), rest_.size()));
  return true;
}

std::uint32_t NetlinkAttributes::Attribute::Number() const {
  std::uint32_t value = 0;
  if (bytes.size() != sizeof value) return 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string_view NetlinkAttributes::Attribute::Text() const {
  return bytes.substr(0, bytes.find('\0'));
}

}  // namespace inro::guest::agent
