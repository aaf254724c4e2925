// The sandbox and the guest (proto/agent.proto). Requests and answers without fields have no
// struct: their bytes are empty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inro::protocol {

enum class FSGroupChangePolicy : std::int32_t { kAlways = 0, kOnRootMismatch = 1 };

struct FSGroup {
  static constexpr std::string_view kName = "grpc.FSGroup";
  std::uint32_t group_id = 0;
  FSGroupChangePolicy group_change_policy{};

  template <class V>
  static void Fields(V&& visit) {
    visit(2, "group_id", &FSGroup::group_id);
    visit(3, "group_change_policy", &FSGroup::group_change_policy);
  }
};

struct Storage {
  static constexpr std::string_view kName = "grpc.Storage";
  std::string driver;
  std::vector<std::string> driver_options;
  std::string source;
  std::string fstype;
  std::vector<std::string> options;
  std::string mount_point;
  std::optional<FSGroup> fs_group;
  bool shared = false;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "driver", &Storage::driver);
    visit(2, "driver_options", &Storage::driver_options);
    visit(3, "source", &Storage::source);
    visit(4, "fstype", &Storage::fstype);
    visit(5, "options", &Storage::options);
    visit(6, "mount_point", &Storage::mount_point);
    visit(7, "fs_group", &Storage::fs_group);
    visit(8, "shared", &Storage::shared);
  }
};

struct KernelModule {
  static constexpr std::string_view kName = "grpc.KernelModule";
  std::string name;
  std::vector<std::string> parameters;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "name", &KernelModule::name);
    visit(2, "parameters", &KernelModule::parameters);
  }
};

struct CreateSandboxRequest {
  static constexpr std::string_view kName = "grpc.CreateSandboxRequest";
  std::string hostname;
  std::vector<std::string> dns;
  std::vector<Storage> storages;
  bool sandbox_pidns = false;
  std::string sandbox_id;
  std::string guest_hook_path;
  std::vector<KernelModule> kernel_modules;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "hostname", &CreateSandboxRequest::hostname);
    visit(2, "dns", &CreateSandboxRequest::dns);
    visit(3, "storages", &CreateSandboxRequest::storages);
    visit(4, "sandbox_pidns", &CreateSandboxRequest::sandbox_pidns);
    visit(5, "sandbox_id", &CreateSandboxRequest::sandbox_id);
    visit(6, "guest_hook_path", &CreateSandboxRequest::guest_hook_path);
    visit(7, "kernel_modules", &CreateSandboxRequest::kernel_modules);
  }
};

struct OnlineCPUMemRequest {
  static constexpr std::string_view kName = "grpc.OnlineCPUMemRequest";
  bool wait = false;
  std::uint32_t nb_cpus = 0;
  bool cpu_only = false;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "wait", &OnlineCPUMemRequest::wait);
    visit(2, "nb_cpus", &OnlineCPUMemRequest::nb_cpus);
    visit(3, "cpu_only", &OnlineCPUMemRequest::cpu_only);
  }
};

struct ReseedRandomDevRequest {
  static constexpr std::string_view kName = "grpc.ReseedRandomDevRequest";
  std::string data;

  template <class V>
  static void Fields(V&& visit) {
    visit(2, "data", &ReseedRandomDevRequest::data);
  }
};

struct AgentDetails {
  static constexpr std::string_view kName = "grpc.AgentDetails";
  std::string version;
  bool init_daemon = false;
  std::vector<std::string> device_handlers;
  std::vector<std::string> storage_handlers;
  bool supports_seccomp = false;
  std::vector<std::string> extra_features;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "version", &AgentDetails::version);
    visit(2, "init_daemon", &AgentDetails::init_daemon);
    visit(3, "device_handlers", &AgentDetails::device_handlers);
    visit(4, "storage_handlers", &AgentDetails::storage_handlers);
    visit(5, "supports_seccomp", &AgentDetails::supports_seccomp);
    visit(6, "extra_features", &AgentDetails::extra_features);
  }
};

struct GuestDetailsRequest {
  static constexpr std::string_view kName = "grpc.GuestDetailsRequest";
  bool mem_block_size = false;
  bool mem_hotplug_probe = false;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "mem_block_size", &GuestDetailsRequest::mem_block_size);
    visit(2, "mem_hotplug_probe", &GuestDetailsRequest::mem_hotplug_probe);
  }
};

struct GuestDetailsResponse {
  static constexpr std::string_view kName = "grpc.GuestDetailsResponse";
  std::uint64_t mem_block_size_bytes = 0;
  std::optional<AgentDetails> agent_details;
  bool support_mem_hotplug_probe = false;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "mem_block_size_bytes", &GuestDetailsResponse::mem_block_size_bytes);
    visit(2, "agent_details", &GuestDetailsResponse::agent_details);
    visit(3, "support_mem_hotplug_probe", &GuestDetailsResponse::support_mem_hotplug_probe);
  }
};

struct SetGuestDateTimeRequest {
  static constexpr std::string_view kName = "grpc.SetGuestDateTimeRequest";
  std::int64_t sec = 0;
  std::int64_t usec = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "Sec", &SetGuestDateTimeRequest::sec);
    visit(2, "Usec", &SetGuestDateTimeRequest::usec);
  }
};

struct Metrics {
  static constexpr std::string_view kName = "grpc.Metrics";
  std::string metrics;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "metrics", &Metrics::metrics);
  }
};

}  // namespace inro::protocol
