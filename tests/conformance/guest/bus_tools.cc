// A client of the system bus that owns a name: the little of the D-Bus protocol that this takes
// (D-Bus Specification, "Message Protocol" and "Authentication Protocol").
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "conformance_guest.h"

namespace inro::conformance {
namespace {

void Align(std::string& bytes, std::size_t to) { bytes.resize((bytes.size() + to - 1) / to * to); }

void PutNumber(std::string& bytes, std::uint32_t value) {
  Align(bytes, 4);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void PutText(std::string& bytes, const std::string& text) {
  PutNumber(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text + '\0';
}

void PutField(std::string& fields, char code, char type, const std::string& value) {
  Align(fields, 8);
  fields += code;
  fields += std::string("\1") + type + '\0';
  if (type == 'g') {
    fields += static_cast<char>(value.size());
    fields += value + '\0';
  } else {
    PutText(fields, value);
  }
}

// A call of the bus's own method; with `name`: its arguments are that name and a zero.
std::string Call(std::uint32_t serial, const std::string& method, const std::string& name) {
  std::string body;
  if (!name.empty()) {
    PutText(body, name);
    if (method == "RequestName") PutNumber(body, 0);
  }
  std::string fields;
  PutField(fields, 1, 'o', "/org/freedesktop/DBus");
  PutField(fields, 2, 's', "org.freedesktop.DBus");
  PutField(fields, 3, 's', method);
  PutField(fields, 6, 's', "org.freedesktop.DBus");
  if (!name.empty()) PutField(fields, 8, 'g', method == "RequestName" ? "su" : "s");
  std::string message = std::string("l\1", 2) + '\0' + '\1';
  PutNumber(message, static_cast<std::uint32_t>(body.size()));
  PutNumber(message, serial);
  PutNumber(message, static_cast<std::uint32_t>(fields.size()));
  message += fields;
  Align(message, 8);
  return message + body;
}

bool Send(int fd, const std::string& bytes) {
  return ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

volatile std::sig_atomic_t released = 0;

}  // namespace

int OwnBusName(char** words) {
  if (words[0] == nullptr) return 2;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/run/dbus/system_bus_socket");
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 1;
  struct sigaction action{};
  action.sa_handler = [](int) { released = 1; };
  ::sigaction(SIGUSR1, &action, nullptr);
  std::string user;
  for (const char digit : std::to_string(::getuid())) user += "3" + std::string(1, digit);
  char bytes[4096];
  if (!Send(fd, std::string(1, '\0') + "AUTH EXTERNAL " + user + "\r\n") ||
      ::read(fd, bytes, sizeof bytes) <= 0 || std::strncmp(bytes, "OK ", 3) != 0) {
    return 1;
  }
  if (!Send(fd, "BEGIN\r\n" + Call(1, "Hello", "") + Call(2, "RequestName", words[0]))) return 1;
  while (true) {
    const ssize_t size = ::read(fd, bytes, sizeof bytes);
    if (released != 0) {
      released = 0;
      if (!Send(fd, Call(3, "ReleaseName", words[0]))) return 1;
      std::puts("released");
      std::fflush(stdout);
      continue;
    }
    if (size <= 0) return 1;
  }
}

}  // namespace inro::conformance
