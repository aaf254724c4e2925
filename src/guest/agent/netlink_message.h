// rtnetlink messages: building requests and walking over answers (netlink(7), rtnetlink(7)).
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace inro::guest::agent {

// One request: a header, a fixed part (ifinfomsg, rtmsg, ...) and attributes.
class NetlinkRequest {
 public:
  // `flags` beside NLM_F_REQUEST.
  template <class Fixed>
  NetlinkRequest(std::uint16_t type, std::uint16_t flags, const Fixed& fixed) {
    static_assert(std::is_trivially_copyable_v<Fixed>);
    Start(type, flags);
    Append({reinterpret_cast<const char*>(&fixed), sizeof fixed});
  }

  void Attribute(std::uint16_t type, std::string_view bytes);
  void Attribute(std::uint16_t type, std::uint32_t value);
  void AttributeText(std::uint16_t type, std::string_view text);  // with its zero byte
  std::size_t BeginNest(std::uint16_t type);                      // gives what EndNest() wants
  void EndNest(std::size_t nest);

  // The whole message; its length field is filled in here.
  const std::string& Finish(std::uint32_t sequence);

 private:
  void Start(std::uint16_t type, std::uint16_t flags);
  void Append(std::string_view bytes);  // padded to four bytes

  std::string bytes_;
};

// Walks over the messages of one datagram, or the attributes of one message.
class NetlinkMessages {
 public:
  struct Message {
    nlmsghdr header{};
    std::string_view body;  // behind the header
  };
  explicit NetlinkMessages(std::string_view bytes) : rest_(bytes) {}
  // False at the end, and at a message that is cut short.
  bool Next(Message& message);

 private:
  std::string_view rest_;
};

class NetlinkAttributes {
 public:
  struct Attribute {
    std::uint16_t type = 0;  // without the flag for nesting
    std::string_view bytes;

    std::uint32_t Number() const;   // 0 when it is no 32-bit word
    std::string_view Text() const;  // without its zero byte
  };
  explicit NetlinkAttributes(std::string_view bytes) : rest_(bytes) {}
  bool Next(Attribute& attribute);

 private:
  std::string_view rest_;
};

// The fixed part at the front of a body, which is moved past it; false when it is cut short.
template <class Fixed>
bool TakeFixed(std::string_view& body, Fixed& fixed);

bool TakeBytes(std::string_view& body, void* to, std::size_t size);
template <class Fixed>
bool TakeFixed(std::string_view& body, Fixed& fixed) {
  static_assert(std::is_trivially_copyable_v<Fixed>);
  return TakeBytes(body, &fixed, sizeof fixed);
}

}  // namespace inro::guest::agent
