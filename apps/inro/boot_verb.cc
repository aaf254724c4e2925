// `inro boot`: starts a guest, shows its agent's answer, stays until it is told to stop.
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stop_token>

#include "boot_target.h"
#include "compare/artifact_machine.h"
#include "image/extension/extension_image.h"
#include "protocol/agent_api.h"
#include "protocol/health_message.h"
#include "protocol/message.h"
#include "protocol/sandbox_message.h"
#include "stop_on_interrupt.h"
#include "sys/file.h"
#include "verbs.h"
#include "vmm/guest/guest.h"
#include "vmm/guest/host.h"
#include "vmm/guest/readiness.h"
#include "wire/client.h"

namespace inro::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCallLimit{30'000};
constexpr milliseconds kLookInterval{200};

struct AgentAnswer {
  double ready_ms = 0;
  protocol::VersionCheckResponse version;
  protocol::GuestDetailsResponse details;
};

Result<std::unique_ptr<wire::Client>> DialAgent(const vmm::Guest& guest) {
  INRO_ASSIGN(UniqueFd socket, guest.Connect(vmm::kAgentPort, kCallLimit));
  return std::make_unique<wire::Client>(std::move(socket));
}

// Check was answered already; asks for the rest.
Result<AgentAnswer> AskAgent(const vmm::Guest& guest, double ready_ms) {
  AgentAnswer answer;
  answer.ready_ms = ready_ms;
  INRO_ASSIGN(const auto agent, DialAgent(guest));
  INRO_ASSIGN(const std::string version,
              agent->CallOk(protocol::kHealthService, "Version", "", kCallLimit));
  INRO_ASSIGN(const std::string details,
              agent->CallOk(protocol::kAgentService, "GetGuestDetails", "", kCallLimit));
  if (!protocol::Decode(version, answer.version) || !protocol::Decode(details, answer.details)) {
    return Fail("the agent's answer is malformed");
  }
  return answer;
}

std::string Text(const vmm::Guest& guest, const BootTarget& target, const AgentAnswer& answer) {
  std::string text = fmt::format(
      "guest {} is ready after {:.0f} ms: {}{}\n"
      "Check: SERVING\n"
      "Version: agent {}, API {}\n",
      guest.name(), answer.ready_ms, target.artifact,
      target.init.empty() ? "" : fmt::format(", init = {}", target.init),
      answer.version.agent_version, answer.version.grpc_version);
  if (const auto& agent = answer.details.agent_details) {
    text += fmt::format("GetGuestDetails: storage {}; devices {}\n",
                        fmt::join(agent->storage_handlers, " "),
                        fmt::join(agent->device_handlers, " "));
  }
  if (guest.machine().vsock == vmm::VsockMode::kUser) {
    text += fmt::format("vsock: {}\n", guest.paths().hybrid_socket());
  }
  return text;
}

std::string Json(const vmm::Guest& guest, const BootTarget& target, const AgentAnswer& answer) {
  nlohmann::ordered_json details = {{"mem_block_size_bytes", answer.details.mem_block_size_bytes}};
  if (const auto& agent = answer.details.agent_details) {
    details["storage_handlers"] = agent->storage_handlers;
    details["device_handlers"] = agent->device_handlers;
    details["extra_features"] = agent->extra_features;
  }
  const nlohmann::ordered_json document = {{"schema", "inro-boot/1"},
                                           {"guest", guest.name()},
                                           {"artifact", target.artifact},
                                           {"form", target.form},
                                           {"init", target.init},
                                           {"ready_ms", answer.ready_ms},
                                           {"check", "SERVING"},
                                           {"agent_version", answer.version.agent_version},
                                           {"api_version", answer.version.grpc_version},
                                           {"guest_details", details},
                                           {"vsock", guest.paths().hybrid_socket()}};
  return document.dump(2) + "\n";
}

// What others read has to hold wherever they are.
std::string AbsolutePath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &::free);
  return real ? std::string(real.get()) : path;
}

class BootVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"TARGET",
         "",
         &target_options_.path,
         "A definition, an artifact, a manifest or a Kata configuration.toml",
         {},
         true},
        {"--form",
         "",
         &target_options_.form,
         "Of a definition or manifest (default: initrd)",
         {"image", "initrd"}},
        {"--init", "INIT", &target_options_.init, "Of a definition or manifest"},
        {"--cache", "DIR", &target_options_.cache_dir, "The cache (default: ~/.cache/inro)"},
        {"--once", "", &once_, "Power the guest off once the agent has answered"},
        {"-d,--detach", "", &detach_, "Print the guest's name and leave it running"},
        {"--time-limit", "SECONDS", &time_limit_,
         "Kill the guest after this time (default: never)"},
        {"--timeout", "SECONDS", &timeout_, "For the agent's answer (default: 120)"},
        {"--console", "", &console_, "Show the guest's console on stderr"},
        {"--keep-console", "FILE", &keep_console_, "Keep the guest's console in a file"},
        {"--append", "WORDS", &append_, "Kernel parameters to add; may be given several times"},
        {"--memory", "MIB", &memory_, "Memory of the guest"},
        {"--cpus", "N", &cpus_, "CPUs of the guest"},
        {"--disk", "FILE", &disks_, "A further disk, writable; may be given several times"},
        {"--extension", "FILE", &extensions_,
         "A guest extension image, with its .cmdline beside it; may be given several times"},
        {"--attach",
         "",
         &attach_,
         "How the image is given to the guest",
         {"nvme", "virtio-blk", "nvdimm"}},
        {"--accel", "", &accel_, "KVM where it works, else TCG", {"auto", "kvm", "tcg"}},
        {"--vsock", "", &vsock_, "inro's own device, or /dev/vhost-vsock", {"user", "kernel"}},
        {"--name", "NAME", &name_, "Name of the guest (default: a free one)"},
        {"--print-command", "", &print_command_, "Print QEMU's command and start nothing"},
        {"--format", "", &format_, "How to print the answer", {"text", "json"}},
    };
  }

  Result<int> Run(Session& session) override {
    if (!attach_.empty()) {
      INRO_ASSIGN(const vmm::DiskAttach attach, vmm::ParseDiskAttach(attach_));
      target_options_.attach = attach;
    }
    target_options_.verbose = console_ || !keep_console_.empty();
    INRO_ASSIGN(BootTarget target, FindTarget(target_options_, session));
    INRO_TRY(ApplyTo(target.machine));
    if (print_command_) return PrintCommand(target.machine);
    if (detach_ && (once_ || console_ || !keep_console_.empty())) {
      return FailAs(
          ErrorKind::kBadInput,
          "--detach leaves the guest alone: not with --once, --console or --keep-console");
    }
    return BootIt(session, target);
  }

 private:
  Result<> ApplyTo(vmm::MachineConfig& machine) {
    INRO_ASSIGN(machine.accel, vmm::ParseAccel(accel_));
    INRO_ASSIGN(machine.vsock, vmm::ParseVsockMode(vsock_));
    // A cid of its own: other guests of this host may use the kernel's device too.
    if (machine.vsock == vmm::VsockMode::kKernel) {
      machine.guest_cid = 0x10000 + static_cast<std::uint32_t>(::getpid());
    }
    constexpr std::uint64_t kMost = 1 << 22;
    if (memory_.value_or(1) > kMost || cpus_.value_or(1) > kMost) {
      return FailAs(ErrorKind::kBadInput, "--memory and --cpus must be below {}", kMost);
    }
    if (memory_) machine.memory_mib = static_cast<unsigned>(*memory_);
    if (cpus_) machine.cpus = static_cast<unsigned>(*cpus_);
    for (const std::string& words : append_) {
      std::size_t at = 0;
      while (at < words.size()) {
        const std::size_t end = std::min(words.find(' ', at), words.size());
        if (end > at) machine.command_line.push_back(words.substr(at, end - at));
        at = end + 1;
      }
    }
    for (const std::string& path : extensions_) {
      INRO_ASSIGN(const image::ExtensionFile extension, image::FindExtensionFile(path));
      INRO_TRY(compare::AttachExtension(extension.path, extension.parameter, machine));
    }
    for (const std::string& path : disks_) {
      vmm::Disk disk;
      disk.path = path;
      disk.readonly = false;
      disk.attach = vmm::DiskAttach::kVirtioBlk;
      machine.disks.push_back(std::move(disk));
    }
    return {};
  }

  Result<int> PrintCommand(const vmm::MachineConfig& machine) {
    INRO_ASSIGN(const vmm::MachineConfig resolved, vmm::ResolveMachine(machine));
    const vmm::RunPaths paths{vmm::GuestsRoot() + "/" + (name_.empty() ? "NAME" : name_)};
    INRO_ASSIGN(const std::vector<std::string> command, vmm::QemuCommand(resolved, paths));
    if (format_ == "json") {
      const nlohmann::ordered_json document = {{"schema", "inro-command/1"}, {"command", command}};
      INRO_TRY(Print(document.dump(2) + "\n"));
    } else {
      INRO_TRY(Print(vmm::ShellQuote(command) + "\n"));
    }
    return 0;
  }

  Result<int> BootIt(Session& session, const BootTarget& target) {
    const StopOnInterrupt stop(session);
    session.progress.Step("start the guest");
    vmm::GuestOptions options;
    options.name = name_;
    options.artifact = AbsolutePath(target.artifact);
    options.form = target.form;
    options.init = target.init;
    options.time_limit = milliseconds(time_limit_.value_or(0) * 1000);
    INRO_ASSIGN(const std::unique_ptr<vmm::Guest> guest,
                vmm::Guest::Start(target.machine, options));
    vmm::ConsoleTail tail(guest->paths().console_log());
    Result<int> status = Serve(session, target, *guest, tail, stop.token());
    guest->Kill();
    ShowConsole(tail);
    if (!keep_console_.empty()) {
      INRO_ASSIGN(const std::string text, sys::ReadFile(guest->paths().console_log()));
      INRO_TRY(sys::WriteFile(keep_console_, text));
    }
    return status;
  }

  void ShowConsole(vmm::ConsoleTail& tail) {
    if (!console_) return;
    [[maybe_unused]] const auto shown = sys::WriteAll(STDERR_FILENO, tail.Read(), "stderr");
  }

  Result<int> Serve(Session& session, const BootTarget& target, vmm::Guest& guest,
                    vmm::ConsoleTail& tail, const std::stop_token& stop) {
    session.progress.Step("wait for the agent");
    vmm::BootWatch watch(guest.exec_time());
    vmm::ReadinessOptions options;
    options.timeout = milliseconds(timeout_.value_or(120) * 1000);
    options.stop = stop;
    options.progress = [&](const vmm::BootWatch&) {
      ShowConsole(tail);
      // Shows how long it takes; a boot has no known length.
      session.progress.Update(0, 0, "");
    };
    auto ready = vmm::WaitReady(guest, watch, options);
    if (!ready) {
      if (stop.stop_requested()) return FailAs(ErrorKind::kInterrupted, "interrupted");
      return std::unexpected(ready.error());
    }
    ready->connection.reset();
    const std::chrono::duration<double, std::milli> since_exec = ready->since_exec;
    const double ready_ms = since_exec.count();
    guest.RecordReady(since_exec);
    INRO_ASSIGN(const AgentAnswer answer, AskAgent(guest, ready_ms));
    session.progress.Step("");
    // Before the name is told: who reads it may use it at once.
    if (detach_) INRO_TRY(guest.Detach(since_exec));
    if (detach_ && format_ == "text") {
      INRO_TRY(Print(guest.name() + "\n"));
    } else {
      INRO_TRY(
          Print(format_ == "json" ? Json(guest, target, answer) : Text(guest, target, answer)));
    }
    for (const vmm::BootFault& fault : watch.faults()) {
      if (fault.kind != vmm::FaultKind::kStall) {
        session.progress.Note(fmt::format("{}: {}", vmm::Word(fault.kind), fault.line));
      }
    }
    if (detach_) return 0;
    if (!once_) {
      session.progress.Step("the guest runs; Ctrl-C powers it off");
      while (!stop.stop_requested()) {
        ShowConsole(tail);
        INRO_ASSIGN(const std::optional<vmm::GuestExit> exit, guest.WaitExit(kLookInterval));
        if (!exit) continue;
        session.progress.Note(fmt::format("the guest {}", exit->ToString()));
        return exit->status == 0 ? 0 : 1;
      }
    }
    return PowerOff(session, guest, stop);
  }

  Result<int> PowerOff(Session& session, vmm::Guest& guest, const std::stop_token& stop) {
    session.progress.Step("power off");
    vmm::PowerOffOptions options;
    options.agent_limit = milliseconds(30'000);
    options.ask_agent = [&]() -> Result<> {
      INRO_ASSIGN(const auto agent, DialAgent(guest));
      INRO_TRY(agent->CallOk(protocol::kAgentService, "DestroySandbox", "", kCallLimit));
      return {};
    };
    INRO_ASSIGN(const vmm::PowerOffWay way, guest.PowerOff(options));
    if (way != vmm::PowerOffWay::kAgent) {
      session.progress.Note(
          fmt::format("the agent did not power the guest off; it ended by {}", vmm::Word(way)));
      return 1;
    }
    return stop.stop_requested() ? 130 : 0;
  }

  TargetOptions target_options_;
  bool once_ = false;
  bool detach_ = false;
  std::optional<std::uint64_t> time_limit_;
  bool console_ = false;
  bool print_command_ = false;
  std::optional<std::uint64_t> timeout_;
  std::optional<std::uint64_t> memory_;
  std::optional<std::uint64_t> cpus_;
  std::string keep_console_;
  std::vector<std::string> append_;
  std::vector<std::string> disks_;
  std::vector<std::string> extensions_;
  std::string attach_;
  std::string accel_ = "auto";
  std::string vsock_ = "user";
  std::string name_;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeBootVerb() { return std::make_unique<BootVerb>(); }

}  // namespace inro::cli
