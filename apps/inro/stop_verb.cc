// `inro stop`: brings guests to their end, in order where they let it.
#include <thread>

#include "agent_call.h"
#include "verbs.h"
#include "vmm/host/running_guest.h"

namespace inro::cli {
namespace {

using std::chrono::milliseconds;

class StopVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"GUEST", "", &names_, "Names of guests that inro started"},
        {"--all", "", &all_, "All guests of this user"},
        {"-f,--force", "", &force_, "Kill at once: nothing in the guest is stopped in order"},
        {"--timeout", "SECONDS", &timeout_,
         "For the agent's way, before harder ones are taken (default: 30)"},
    };
  }

  Result<int> Run(Session& session) override {
    std::vector<std::string> names = names_;
    if (all_ && !names.empty()) {
      return FailAs(ErrorKind::kBadInput, "name guests, or say --all; not both");
    }
    if (all_) {
      for (const vmm::GuestListing& guest : vmm::ListGuests()) names.push_back(guest.record.name);
    } else if (names.empty()) {
      return FailAs(ErrorKind::kBadInput, "name a guest, or say --all; `inro ps` lists them");
    }
    // All must be there before any is stopped: a mistyped name stops nothing.
    std::vector<vmm::RunningGuest> guests;
    for (const std::string& name : names) {
      auto guest = vmm::RunningGuest::Open(name);
      if (!guest && all_) continue;  // it ended meanwhile
      if (!guest) return std::unexpected(guest.error());
      guests.push_back(std::move(*guest));
    }
    return StopSideBySide(session, guests);
  }

 private:
  // Each may take its half minute: they do so together.
  Result<int> StopSideBySide(Session& session, std::vector<vmm::RunningGuest>& guests) const {
    std::vector<Result<vmm::PowerOffWay>> ways(guests.size(), vmm::PowerOffWay::kKilled);
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < guests.size(); ++i) {
        threads.emplace_back([&, i] { ways[i] = Stop(guests[i]); });
      }
    }
    int status = 0;
    for (std::size_t i = 0; i < guests.size(); ++i) {
      const std::string& name = guests[i].record().name;
      if (!ways[i]) {
        session.progress.Note(fmt::format("{}: {}", name, ways[i].error().ToString()));
        status = 1;
      } else {
        INRO_TRY(Print(fmt::format("{}{}\n", name, How(*ways[i]))));
      }
    }
    return status;
  }

  Result<vmm::PowerOffWay> Stop(vmm::RunningGuest& guest) const {
    if (force_) {
      INRO_TRY(guest.Kill());
      return vmm::PowerOffWay::kKilled;
    }
    vmm::PowerOffOptions options;
    options.agent_limit = milliseconds(timeout_.value_or(30) * 1000);
    options.ask_agent = [&] { return AskToPowerOff(guest.record().name, options.agent_limit); };
    return guest.Stop(options);
  }

  // The ordinary way needs no words.
  std::string How(vmm::PowerOffWay way) const {
    if (way == vmm::PowerOffWay::kAgent || force_) return "";
    return fmt::format(" (the agent did not power it off; it ended by {})", Word(way));
  }

  std::vector<std::string> names_;
  bool all_ = false;
  bool force_ = false;
  std::optional<std::uint64_t> timeout_;
};

}  // namespace

std::unique_ptr<Verb> MakeStopVerb() { return std::make_unique<StopVerb>(); }

}  // namespace inro::cli
