#include "tcp_relay.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>

#include "sys/file.h"

namespace inro::boot_test {
namespace {

// False once the stream has ended.
bool Carry(int from, int to) {
  char bytes[65536];
  const ssize_t got = ::read(from, bytes, sizeof bytes);
  if (got <= 0) return false;
  return bool(sys::WriteAll(to, std::string_view(bytes, static_cast<std::size_t>(got)), "relay"));
}

void Relay(UniqueFd listener, UniqueFd stream, UniqueFd stop) {
  UniqueFd client;
  while (true) {
    pollfd waiting[] = {{stop.get(), POLLIN, 0},
                        {client ? client.get() : listener.get(), POLLIN, 0},
                        {client ? stream.get() : -1, POLLIN, 0}};
    if (::poll(waiting, 3, -1) < 0) return;
    if (waiting[0].revents != 0) return;
    if (!client) {
      client.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      continue;
    }
    if (waiting[1].revents != 0 && !Carry(client.get(), stream.get())) return;
    if (waiting[2].revents != 0 && !Carry(stream.get(), client.get())) return;
  }
}

}  // namespace

Result<TcpRelay> TcpRelay::Start(UniqueFd stream) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (!listener || ::bind(listener.get(), any, size) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), any, &size) != 0) {
    return FailErrno("listen on 127.0.0.1");
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno("make a pipe");
  UniqueFd stop(ends[1]);
  std::thread thread(Relay, std::move(listener), std::move(stream), UniqueFd(ends[0]));
  return TcpRelay(ntohs(address.sin_port), std::move(stop), std::move(thread));
}

TcpRelay::~TcpRelay() {
  stop_.reset();
  if (thread_.joinable()) thread_.join();
}

}  // namespace inro::boot_test
