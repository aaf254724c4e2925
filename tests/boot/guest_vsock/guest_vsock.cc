// PID 1 of a guest that only serves vsock: loads the modules that lie in its root and listens at
//   5000  echo
//   5001  sink: reads to the end, answers u64 bytes read, u64 zero
//   5002  source: reads u64 count, sends so many bytes (byte i is i modulo 251), closes
//   5003  dial: reads u32 port, connects to it on the host, says "hello from the guest\n" there
//   5004  reboot: any connection restarts the machine
//   5005  reads u64 count and so many bytes, answers u64 bytes read and u64 sum, where sum = sum *
//         31 + w for each little-endian 64-bit word w, the last one filled up with zeros
//   5006  as 5005, but reads nothing in the first second
//   5007  as 5005, but the sum is zero
// Prints "guest_vsock: ready" on the console when all are listening.
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace {

// In the order in which they must be loaded.
constexpr std::array kModules = {"virtio_ring",
                                 "virtio",
                                 "virtio_pci_modern_dev",
                                 "virtio_pci_legacy_dev",
                                 "virtio_pci",
                                 "vsock",
                                 "vmw_vsock_virtio_transport_common",
                                 "vmw_vsock_virtio_transport"};
constexpr std::size_t kBufferSize = 256 * 1024;
constexpr std::uint64_t kPeriod = 251;

void LoadModules() {
  for (const char* name : kModules) {
    std::array<char, 64> path;
    std::snprintf(path.data(), path.size(), "/%s.ko", name);
    const int fd = open(path.data(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;  // built into the kernel
    if (syscall(SYS_finit_module, fd, "", 0) != 0) std::printf("guest_vsock: %s: %m\n", name);
    close(fd);
  }
}

sockaddr_vm Address(unsigned cid, unsigned port) {
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = cid;
  address.svm_port = port;
  return address;
}

int Listen(unsigned port) {
  const int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_vm address = Address(VMADDR_CID_ANY, port);
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, 512) != 0) {
    std::printf("guest_vsock: listen at %u: %m\n", port);
  }
  return fd;
}

bool WriteAll(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t n = write(fd, bytes, size);
    if (n <= 0) return false;
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

template <class T>
bool ReadWhole(int fd, T& value) {
  std::size_t have = 0;
  while (have < sizeof value) {
    const ssize_t n = read(fd, reinterpret_cast<char*>(&value) + have, sizeof value - have);
    if (n <= 0) return false;
    have += static_cast<std::size_t>(n);
  }
  return true;
}

template <bool kCounted, bool kSum>
void Sink(int fd) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::vector<char> buffer(kBufferSize + kWord);
  std::array<std::uint64_t, 2> answer{};
  std::uint64_t count = ~std::uint64_t{0};
  if (kCounted && !ReadWhole(fd, count)) return;
  std::size_t left = 0;  // bytes at the buffer's start that make no whole word yet
  const auto add = [&](const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    answer[1] = answer[1] * 31 + word;
  };
  while (answer[0] < count) {
    const ssize_t n = read(fd, buffer.data() + left, kBufferSize);
    if (n <= 0) break;
    answer[0] += static_cast<std::uint64_t>(n);
    if (!kSum) continue;
    const std::size_t have = left + static_cast<std::size_t>(n);
    left = have % kWord;
    for (std::size_t at = 0; at + kWord <= have; at += kWord) add(buffer.data() + at);
    std::memmove(buffer.data(), buffer.data() + have - left, left);
  }
  if (left > 0) {
    std::memset(buffer.data() + left, 0, kWord - left);
    add(buffer.data());
  }
  WriteAll(fd, reinterpret_cast<const char*>(answer.data()), sizeof answer);
}

void StallingSink(int fd) {
  sleep(1);
  Sink<true, true>(fd);
}

void Source(int fd) {
  std::uint64_t count = 0;
  if (!ReadWhole(fd, count)) return;
  std::vector<char> buffer(kBufferSize + kPeriod);
  for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = static_cast<char>(i % kPeriod);
  for (std::uint64_t sent = 0; sent < count;) {
    const std::uint64_t size = count - sent < kBufferSize ? count - sent : kBufferSize;
    if (!WriteAll(fd, buffer.data() + sent % kPeriod, size)) return;
    sent += size;
  }
}

void Dial(int fd) {
  std::uint32_t port = 0;
  if (!ReadWhole(fd, port)) return;
  const int host = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_vm address = Address(VMADDR_CID_HOST, port);
  const char* said = "hello from the guest\n";
  if (connect(host, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      !WriteAll(host, said, std::strlen(said))) {
    std::array<char, 128> text;
    const int size = std::snprintf(text.data(), text.size(), "%m\n");
    WriteAll(fd, text.data(), static_cast<std::size_t>(size));
  }
  close(host);
}

void Reboot(int) { reboot(RB_AUTOBOOT); }

void Echo(int fd) {
  static std::array<char, 64 * 1024> buffer;
  const ssize_t n = read(fd, buffer.data(), buffer.size());
  if (n <= 0 || !WriteAll(fd, buffer.data(), static_cast<std::size_t>(n))) close(fd);
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN);
  LoadModules();
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [&](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  };
  const int echo = Listen(5000);
  const std::array<std::pair<int, void (*)(int)>, 7> services = {
      {{Listen(5001), Sink<false, false>},
       {Listen(5002), Source},
       {Listen(5003), Dial},
       {Listen(5004), Reboot},
       {Listen(5005), Sink<true, true>},
       {Listen(5006), StallingSink},
       {Listen(5007), Sink<true, false>}}};
  watch(echo);
  for (const auto& [fd, serve] : services) watch(fd);
  std::printf("guest_vsock: ready\n");
  for (;;) {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int ready = events[static_cast<std::size_t>(i)].data.fd;
      if (ready == echo) {
        watch(accept4(echo, nullptr, nullptr, SOCK_CLOEXEC));
        continue;
      }
      bool served = false;
      for (const auto& [fd, serve] : services) {
        if (ready != fd) continue;
        served = true;
        const int connection = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
        if (fork() == 0) {
          serve(connection);
          close(connection);
          _exit(0);
        }
        close(connection);
      }
      if (!served) Echo(ready);
    }
  }
}
