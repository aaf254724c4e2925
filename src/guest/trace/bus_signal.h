// What systemd says on its private bus (/run/systemd/private) when a unit changes, so that nobody
// has to ask again and again: the PropertiesChanged signals of unit objects, as NAME=VALUE.
//
// The wire format is D-Bus's (D-Bus Specification, "Message Protocol"), little-endian; messages of
// any other kind are stepped over.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace inro::guest::trace {

// The properties of one unit that changed: texts and numbers, as systemctl would print them.
struct UnitChange {
  std::string unit;
  std::vector<std::pair<std::string, std::string>> properties;
};

// What a client sends first: authenticates as uid 0 (SASL EXTERNAL) and begins. systemd sends
// signals to every client of this socket, subscribed or not.
std::string BusGreeting();

// "chrony_2eservice" -> "chrony.service".
std::string UnescapedBusName(std::string_view label);

// Cuts the server's bytes into messages. Holds at most one message of kMessageLimit.
class BusReader {
 public:
  static constexpr std::size_t kMessageLimit = std::size_t{256} << 10;

  // Appends what the bytes complete. False when they are no D-Bus: the connection is of no use.
  bool Take(std::string_view bytes, std::vector<UnitChange>& changes);

 private:
  bool begun_ = false;
  std::string held_;
  std::size_t skip_ = 0;  // what is left of a message that is too long
};

}  // namespace inro::guest::trace
