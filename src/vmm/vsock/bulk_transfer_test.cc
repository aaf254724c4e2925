// Many connections and many bytes, against a guest that echoes with credit on both sides.
#include <atomic>
#include <cstdlib>
#include <map>
#include <numeric>

#include "vmm/vsock/device_fixture.h"

namespace inro::vmm {
namespace {

using std::chrono::milliseconds;

class BulkTransferTest : public DeviceFixture {
 protected:
  void TearDown() override {
    stop_ = true;
    if (echo_.joinable()) echo_.join();
    guest_.reset();
    StopDevice();
  }
  void StartEcho() {
    StartDevice();
    guest_ = Guest();
    echo_ = std::thread([this] { Echo(); });
  }

 private:
  struct Stream {
    std::string pending;
    std::uint32_t sent = 0;
    std::uint32_t forwarded = 0;      // of ours: what we took
    std::uint32_t device_buffer = 0;  // of the device's
    std::uint32_t device_forwarded = 0;
    bool finished = false;
  };
  using Ports = std::pair<std::uint32_t, std::uint32_t>;  // guest's, host's

  PacketHeader Header(PacketOp op, const Ports& ports, const Stream& stream,
                      std::uint32_t len = 0) const {
    PacketHeader header = GuestPacket(op, ports.first, ports.second, len);
    header.fwd_cnt = stream.forwarded;
    return header;
  }
  void Flush(const Ports& ports, Stream& stream) {
    while (!stream.pending.empty()) {
      const std::uint32_t room = stream.device_buffer - (stream.sent - stream.device_forwarded);
      const std::uint32_t size =
          std::min<std::uint32_t>({room, 65536, static_cast<std::uint32_t>(stream.pending.size())});
      if (size == 0) return;
      stream.forwarded += size;
      guest_->Send(Header(PacketOp::kReadWrite, ports, stream, size),
                   std::string_view(stream.pending).substr(0, size));
      stream.pending.erase(0, size);
      stream.sent += size;
    }
    if (stream.finished) {
      PacketHeader end = Header(PacketOp::kShutdown, ports, stream);
      end.flags = kShutdownBoth;
      guest_->Send(end);
      stream.finished = false;
    }
  }
  void Echo() {
    std::map<Ports, Stream> streams;
    while (!stop_) {
      const auto packet = guest_->Receive(milliseconds(20));
      if (!packet) continue;
      const Ports ports{packet->header.dst_port, packet->header.src_port};
      Stream& stream = streams[ports];
      stream.device_buffer = packet->header.buf_alloc;
      stream.device_forwarded = packet->header.fwd_cnt;
      switch (packet->header.op) {
        case PacketOp::kRequest:
          guest_->Send(Header(PacketOp::kResponse, ports, stream));
          break;
        case PacketOp::kReadWrite:
          stream.pending += packet->payload;
          Flush(ports, stream);
          break;
        case PacketOp::kCreditUpdate:
          Flush(ports, stream);
          break;
        case PacketOp::kCreditRequest:
          // It tells of room too, as every packet does.
          Flush(ports, stream);
          guest_->Send(Header(PacketOp::kCreditUpdate, ports, stream));
          break;
        case PacketOp::kShutdown:
          stream.finished = true;
          Flush(ports, stream);
          break;
        case PacketOp::kReset:
          streams.erase(ports);
          break;
        default:
          ADD_FAILURE() << "packet " << static_cast<int>(packet->header.op);
      }
    }
  }

  std::unique_ptr<FakeGuest> guest_;
  std::atomic<bool> stop_{false};
  std::thread echo_;
};

TEST_F(BulkTransferTest, AThousandConnectionsInTurn) {
  StartEcho();
  for (int i = 0; i < 1000; ++i) {
    const HostSocket host = Connect(7);
    ASSERT_TRUE(host.ReadLine().starts_with("OK ")) << i;
    const std::string said = "number " + std::to_string(i);
    host.Write(said);
    ASSERT_EQ(host.Read(said.size()), said);
  }
  EXPECT_TRUE(Falls(statistics().connections, 0));
  EXPECT_EQ(statistics().host_connects.get(), 1000U);
}

TEST_F(BulkTransferTest, TwoHundredConnectionsAtOnce) {
  StartEcho();
  std::vector<HostSocket> hosts;
  for (int i = 0; i < 200; ++i) hosts.push_back(Connect(7));
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(hosts[static_cast<std::size_t>(i)].ReadLine().starts_with("OK "));
    hosts[static_cast<std::size_t>(i)].Write("number " + std::to_string(i));
  }
  for (int i = 0; i < 200; ++i) {
    const std::string said = "number " + std::to_string(i);
    ASSERT_EQ(hosts[static_cast<std::size_t>(i)].Read(said.size()), said);
  }
  hosts.clear();
  EXPECT_TRUE(Falls(statistics().connections, 0));
}

// Both ways at once, every byte compared. 1 GiB with INRO_SLOW_TESTS=1, else 64 MiB.
TEST_F(BulkTransferTest, ManyBytesBothWays) {
  StartEcho();
  const std::size_t total = std::size_t{std::getenv("INRO_SLOW_TESTS") != nullptr ? 1024U : 64U}
                            << 20;
  constexpr std::size_t kPeriod = 65521;
  constexpr std::size_t kPiece = std::size_t{256} << 10;
  std::string pattern(kPiece + kPeriod, '\0');
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    pattern[i] = static_cast<char>(i % kPeriod * 2654435761U >> 13);
  }
  const HostSocket host = Connect(7);
  ASSERT_TRUE(host.ReadLine().starts_with("OK "));
  std::thread writer([&] {
    for (std::size_t at = 0; at < total; at += kPiece) {
      host.Write(std::string_view(pattern).substr(at % kPeriod, kPiece));
    }
    host.FinishWriting();
  });
  std::size_t wrong = 0;
  std::size_t at = 0;
  for (; at < total; at += kPiece) {
    const std::string got = host.Read(kPiece);
    if (got != std::string_view(pattern).substr(at % kPeriod, kPiece)) {
      ++wrong;
      break;
    }
  }
  if (wrong != 0) shutdown(host.fd(), SHUT_RDWR);
  writer.join();
  ASSERT_EQ(wrong, 0U) << "in the piece at " << at;
  EXPECT_TRUE(host.AtEnd());
}

}  // namespace
}  // namespace inro::vmm
