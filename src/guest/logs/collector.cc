#include "guest/logs/collector.h"

#include <sys/epoll.h>

#include <utility>

#include "sys/file.h"
#include "wire/address.h"

namespace inro::guest::logs {
namespace {

using Clock = wire::Loop::Clock;
using std::chrono::milliseconds;

constexpr milliseconds kStateInterval{1000};
constexpr std::chrono::minutes kUnforwardedInterval{1};
constexpr int kAcceptsInARow = 16;
constexpr int kLastTurns = 32;  // of a source at the end: a flood has none

}  // namespace

Collector::Collector(wire::Loop& loop, Ring ring, const CollectorSettings& settings)
    : loop_(loop),
      settings_(settings),
      ring_(std::move(ring)),
      intake_(ring_, units_, settings.intake, [this] { Changed(); }),
      readers_(loop, ring_),
      forwarder_(settings.syslog_path),
      stdout_(loop, intake_, units_) {}

Collector::~Collector() {
  *alive_ = false;
  for (const auto watch : watches_) loop_.Unwatch(watch);
  loop_.Unwatch(kmsg_watch_);
  loop_.Cancel(drop_timer_);
  loop_.Cancel(state_timer_);
}

void Collector::Begin(Endpoints endpoints, UniqueFd kmsg) {
  using Protocol = DatagramSource::Protocol;
  // Where systemd-journald has the sockets, it forwards; and what it forwards does not go back.
  if (endpoints.dev_log && !endpoints.forwarded) intake_.ForwardTo(&forwarder_);
  WatchDatagrams(std::move(endpoints.dev_log), Protocol::kSyslog);
  WatchDatagrams(std::move(endpoints.native), Protocol::kNative);
  WatchDatagrams(std::move(endpoints.forwarded), Protocol::kForwarded);
  Listen(std::move(endpoints.stdout_listener),
         [this](UniqueFd socket) { stdout_.Add(std::move(socket)); });
  for (auto& [name, socket] : endpoints.kept) stdout_.AddKept(std::move(socket), name);
  Listen(std::move(endpoints.local_listener),
         [this](UniqueFd socket) { readers_.Add(std::move(socket), Readers::Kind::kLocal); });
  for (UniqueFd& listener : endpoints.remote_listeners) {
    Listen(std::move(listener),
           [this](UniqueFd socket) { readers_.Add(std::move(socket), Readers::Kind::kRemote); });
  }
  if (kmsg) {
    kmsg_.emplace(std::move(kmsg), ring_, intake_, units_);
    kmsg_watch_ = loop_.Watch(kmsg_->fd(), EPOLLIN, [this](std::uint32_t) { ReadKmsg(); });
    loop_.Post([this, alive = alive_] {
      if (*alive) ReadKmsg();
    });
  } else {
    caught_up_ = true;
  }
  Changed();
  // Whoever asks at once shall find where the log is to be had.
  if (!settings_.state_path.empty()) WriteState();
}

void Collector::WatchDatagrams(UniqueFd socket, DatagramSource::Protocol protocol) {
  if (!socket) return;
  auto source = std::make_unique<DatagramSource>(std::move(socket), protocol, intake_, units_);
  DatagramSource* raw = source.get();
  watches_.push_back(loop_.Watch(raw->fd(), EPOLLIN, [raw](std::uint32_t) { raw->Read(); }));
  datagrams_.push_back(std::move(source));
}

void Collector::Listen(UniqueFd listener, std::function<void(UniqueFd)> take) {
  if (!listener) return;
  const int fd = listener.get();
  watches_.push_back(loop_.Watch(
      fd, EPOLLIN, [this, fd, take = std::move(take)](std::uint32_t) { Accept(fd, take); }));
  listeners_.push_back(std::move(listener));
}

void Collector::Accept(int listener, const std::function<void(UniqueFd)>& take) {
  for (int i = 0; i < kAcceptsInARow; ++i) {
    wire::Peer peer;
    auto socket = wire::Accept(listener, peer);
    if (!socket || !*socket) return;
    if (wire::GuestAccepts(peer)) {
      take(std::move(*socket));
    } else if (refused_peers_++ == 0) {
      intake_.Say(
          kPriorityWarning,
          fmt::format("a reader from CID {} was refused: only the host may read", peer.cid));
    }
  }
}

void Collector::ReadKmsg() {
  if (kmsg_->Read()) {
    // The watch would come back too; but old records need no new ones to be read.
    loop_.Post([this, alive = alive_] {
      if (*alive && !caught_up_) ReadKmsg();
    });
    return;
  }
  caught_up_ = true;
  if (kmsg_->broken()) {
    loop_.Unwatch(kmsg_watch_);
    intake_.Say(kPriorityWarning, "the kernel's log can be read no more");
  }
}

void Collector::Changed() {
  if (round_posted_) return;
  round_posted_ = true;
  loop_.Post([this, alive = alive_] {
    if (*alive) AfterRound();
  });
}

// Once for all records of one round of the loop.
void Collector::AfterRound() {
  round_posted_ = false;
  readers_.Pump();
  if (state_timer_ == 0 && !settings_.state_path.empty()) {
    state_timer_ = loop_.At(Clock::now() + kStateInterval, [this] { WriteState(); });
  }
  SayUnforwarded();
  loop_.Cancel(drop_timer_);
  drop_timer_ = 0;
  const Stamp now = Stamp::Now();
  const std::uint64_t due = intake_.OnTime(now.monotonic_us);
  if (due == 0) return;
  const auto wait = std::chrono::microseconds(due > now.monotonic_us ? due - now.monotonic_us : 0);
  drop_timer_ = loop_.At(Clock::now() + wait + milliseconds(1), [this] {
    drop_timer_ = 0;
    Changed();
  });
}

// At most once a minute: a flood is one line.
void Collector::SayUnforwarded() {
  const auto now = Clock::now();
  if (now - forward_said_ < kUnforwardedInterval && forward_said_ != Clock::time_point()) return;
  const std::uint64_t lost = forwarder_.TakeLost();
  if (lost == 0) return;
  forward_said_ = now;
  intake_.Say(kPriorityWarning,
              fmt::format("{} records did not reach the guest's syslog daemon: it does not read {} "
                          "fast enough; this log has them",
                          lost, settings_.syslog_path));
}

std::string Collector::StateText() const {
  return fmt::format(
      "{{\"records\":{},\"kept\":{},\"ring_bytes\":{},\"dropped\":{},\"readers\":{},"
      "\"missed_by_readers\":{},\"service_outputs\":{},\"refused_peers\":{},\"host_port\":{}}}\n",
      ring_.last_seq(), ring_.kept(), ring_.capacity(), intake_.dropped(), readers_.size(),
      readers_.lost(), stdout_.size(), refused_peers_, settings_.host_port);
}

void Collector::WriteState() {
  state_timer_ = 0;
  // A full /run costs the state, not the collector.
  (void)sys::WriteFileAtomically(settings_.state_path, StateText());
}

void Collector::Finish(std::function<void()> done) {
  Settle(Clock::now() + settings_.collect_limit, std::move(done));
}

void Collector::Settle(Clock::time_point limit, std::function<void()> done) {
  const std::uint64_t before = ring_.last_seq();
  loop_.At(std::min(limit, Clock::now() + settings_.quiet),
           [this, limit, before, done = std::move(done)]() mutable {
             const bool quiet = ring_.last_seq() == before && caught_up_;
             if (quiet || Clock::now() >= limit) {
               Flush(std::move(done));
             } else {
               Settle(limit, std::move(done));
             }
           });
}

void Collector::Flush(std::function<void()> done) {
  stdout_.Drain();
  for (const auto& source : datagrams_) {
    for (int turn = 0; turn < kLastTurns && source->Read(); ++turn) {
    }
  }
  intake_.SayDrops();
  const auto once = std::make_shared<std::function<void()>>(std::move(done));
  const auto end = [once] {
    if (auto call = std::exchange(*once, nullptr)) call();
  };
  loop_.At(Clock::now() + settings_.flush_limit, end);
  readers_.Finish(end);
}

}  // namespace inro::guest::logs
