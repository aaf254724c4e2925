#include "vsock/transfer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>
#include <utility>

namespace inro::vsock_guest {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kPeriod = 251;  // of the guest's bytes
constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

// One block that a shift by any number of bytes changes.
std::vector<std::uint64_t> PatternBlock() {
  std::vector<std::uint64_t> words(kBlock / sizeof(std::uint64_t));
  std::uint64_t state = 1;
  for (std::uint64_t& word : words) {
    state = state * 6364136223846793005 + 1442695040888963407;
    word = state;
  }
  return words;
}

Result<> EchoWorks(const std::string& hybrid_socket) {
  INRO_ASSIGN(HostStream stream, HostStream::Connect(hybrid_socket, kEchoPort));
  return stream.Echo("still there?");
}

Result<HostStream> BeginSource(const std::string& hybrid_socket, std::uint64_t bytes) {
  INRO_ASSIGN(HostStream stream, HostStream::Connect(hybrid_socket, kSourcePort));
  INRO_TRY(stream.Write(&bytes, sizeof bytes));
  return stream;
}

}  // namespace

Result<Seconds> ConnectSequentially(const std::string& hybrid_socket, int count) {
  const auto start = Clock::now();
  for (int i = 0; i < count; ++i) {
    INRO_ASSIGN(HostStream stream, HostStream::Connect(hybrid_socket, kEchoPort));
    INRO_TRY(stream.Echo(fmt::format("connection {}", i)));
  }
  return Clock::now() - start;
}

Result<Seconds> ConnectConcurrently(const std::string& hybrid_socket, int count) {
  const auto start = Clock::now();
  std::vector<HostStream> streams;
  for (int i = 0; i < count; ++i) {
    INRO_ASSIGN(HostStream stream, HostStream::Begin(hybrid_socket, kEchoPort));
    streams.push_back(std::move(stream));
  }
  for (std::size_t i = 0; i < streams.size(); ++i) {
    INRO_TRY(streams[i].AwaitOk());
    const std::uint64_t number = i;
    INRO_TRY(streams[i].Write(&number, sizeof number));
  }
  for (std::size_t i = 0; i < streams.size(); ++i) {
    std::uint64_t number = 0;
    INRO_TRY(streams[i].Read(&number, sizeof number));
    if (number != i) return Fail("connection {} got the echo of {}", i, number);
  }
  return Clock::now() - start;
}

Result<std::vector<Seconds>> RoundTrips(const std::string& hybrid_socket, int count) {
  INRO_ASSIGN(HostStream stream, HostStream::Connect(hybrid_socket, kEchoPort));
  std::array<char, 64> message{};
  std::vector<Seconds> times;
  for (int i = 0; i < count; ++i) {
    std::memcpy(message.data(), &i, sizeof i);
    const auto start = Clock::now();
    INRO_TRY(stream.Echo({message.data(), message.size()}));
    times.push_back(Clock::now() - start);
  }
  std::ranges::sort(times);
  return times;
}

Result<Seconds> SendToGuest(const std::string& hybrid_socket, std::uint64_t bytes,
                            std::uint32_t port) {
  const std::vector<std::uint64_t> block = PatternBlock();
  INRO_ASSIGN(HostStream stream, HostStream::Connect(hybrid_socket, port));
  const auto start = Clock::now();
  INRO_TRY(stream.Write(&bytes, sizeof bytes));
  for (std::uint64_t sent = 0; sent < bytes;) {
    const std::uint64_t size = std::min<std::uint64_t>(kBlock, bytes - sent);
    INRO_TRY(stream.Write(block.data(), size));
    sent += size;
  }
  std::array<std::uint64_t, 2> answer{};
  INRO_TRY(stream.Read(answer.data(), sizeof answer));
  const Seconds took = Clock::now() - start;
  const std::uint64_t summed = port == kCountedSinkPort ? 0 : bytes / 8;
  std::uint64_t sum = 0;
  for (std::uint64_t word = 0; word < summed; ++word) sum = sum * 31 + block[word % block.size()];
  if (answer[0] != bytes) return Fail("the guest got {} of {} bytes", answer[0], bytes);
  if (answer[1] != sum) return Fail("the guest's checksum is {:x}, not {:x}", answer[1], sum);
  return took;
}

Result<Seconds> ReceiveFromGuest(const std::string& hybrid_socket, std::uint64_t bytes,
                                 std::chrono::milliseconds stall) {
  std::vector<char> expected(kBlock + kPeriod);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<char>(i % kPeriod);
  std::vector<char> buffer(kBlock);
  INRO_ASSIGN(HostStream stream, BeginSource(hybrid_socket, bytes));
  for (const auto end = Clock::now() + stall; stall.count() > 0 && Clock::now() < end;) {
    INRO_TRY(EchoWorks(hybrid_socket));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const auto start = Clock::now();
  std::uint64_t got = 0;
  for (;;) {
    INRO_ASSIGN(const std::size_t n, stream.ReadSome(buffer.data(), buffer.size()));
    if (n == 0) break;
    if (std::memcmp(buffer.data(), expected.data() + got % kPeriod, n) != 0) {
      return Fail("wrong bytes from the guest after {}", got);
    }
    got += n;
  }
  if (got != bytes) return Fail("the guest's stream ended after {} of {} bytes", got, bytes);
  return Clock::now() - start;
}

Result<> EndWriting(const std::string& hybrid_socket) {
  INRO_ASSIGN(HostStream stream, HostStream::Connect(hybrid_socket, kCountPort));
  const std::vector<std::uint64_t> block = PatternBlock();
  INRO_TRY(stream.Write(block.data(), kBlock));
  stream.FinishWriting();
  std::array<std::uint64_t, 2> answer{};
  INRO_TRY(stream.Read(answer.data(), sizeof answer));
  if (answer[0] != kBlock) return Fail("the guest got {} of {} bytes", answer[0], kBlock);
  return {};
}

Result<> HostLeaves(const std::string& hybrid_socket) {
  for (int i = 0; i < 4; ++i) {
    INRO_ASSIGN(HostStream from, BeginTransfer(hybrid_socket));
    INRO_ASSIGN(HostStream to, HostStream::Connect(hybrid_socket, kSinkPort));
    const std::vector<std::uint64_t> block = PatternBlock();
    const std::uint64_t promised = 1024 * kMebibyte;
    INRO_TRY(to.Write(&promised, sizeof promised));
    for (int sent = 0; sent < 8; ++sent) INRO_TRY(to.Write(block.data(), kBlock));
    from.Close();
    INRO_TRY(EchoWorks(hybrid_socket));
    to.Close();
    INRO_TRY(EchoWorks(hybrid_socket));
  }
  return {};
}

Result<> GuestLeaves(const std::string& hybrid_socket) {
  INRO_ASSIGN(HostStream stream, BeginSource(hybrid_socket, 0));
  const std::vector<std::uint64_t> block = PatternBlock();
  for (int sent = 0; sent < 64; ++sent) {
    if (const auto wrote = stream.Write(block.data(), kBlock); !wrote) {
      if (wrote.error().kind() != ErrorKind::kClosed) return wrote;
      return EchoWorks(hybrid_socket);
    }
  }
  return Fail("the guest's end is gone, but its stream still takes bytes");
}

Result<HostStream> BeginTransfer(const std::string& hybrid_socket) {
  INRO_ASSIGN(HostStream stream, BeginSource(hybrid_socket, 1024 * kMebibyte));
  std::vector<char> first(kMebibyte);
  INRO_TRY(stream.Read(first.data(), first.size()));
  return stream;
}

Result<> AwaitBrokenOff(HostStream& transfer) {
  std::vector<char> buffer(kBlock);
  std::uint64_t got = kMebibyte;
  for (;;) {
    const auto n = transfer.ReadSome(buffer.data(), buffer.size());
    if (!n && n.error().kind() != ErrorKind::kClosed) return std::unexpected(n.error());
    if (!n || *n == 0) break;
    got += *n;
  }
  if (got >= 1024 * kMebibyte) return Fail("the transfer was over before it could be broken off");
  return {};
}

}  // namespace inro::vsock_guest
