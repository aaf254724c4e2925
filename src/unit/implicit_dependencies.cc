#include "unit/implicit_dependencies.h"

#include <fmt/format.h>

#include <algorithm>

#include "unit/directive_parse.h"
#include "unit/text.h"

namespace inro::unit {
namespace {

using Names = std::vector<std::string>;

void Add(Names& list, std::string_view name) {
  if (std::ranges::find(list, name) == list.end()) list.emplace_back(name);
}

void Require(Unit& unit, std::string_view name) {
  Add(unit.requires_, name);
  Add(unit.after, name);
}

// A path and the folders above it.
void AddMountsOf(Unit& unit, const SearchFolders& folders, std::string_view path) {
  if (!path.starts_with('/')) return;
  for (std::size_t end = path.size(); end > 1;) {
    const std::string name = EscapePath(path.substr(0, end)) + ".mount";
    if (name != unit.name && folders.Has(name)) Require(unit, name);
    end = path.rfind('/', end - 1);
    if (end == std::string_view::npos) break;
  }
}

// A template in a dependency means its instance of the same name as this one's, else of its prefix.
void MakeInstances(Unit& unit) {
  const NameParts parts = SplitName(unit.name);
  const std::string_view instance = parts.instance.value_or(parts.prefix);
  for (Names* list :
       {&unit.requires_, &unit.wants, &unit.requisite, &unit.binds_to, &unit.conflicts,
        &unit.before, &unit.after, &unit.on_failure, &unit.on_success, &unit.part_of, &unit.upholds,
        &unit.propagates_reload_to, &unit.reload_propagated_from, &unit.propagates_stop_to,
        &unit.stop_propagated_from, &unit.joins_namespace_of}) {
    for (std::string& name : *list) {
      if (IsTemplate(name)) name = Instantiate(name, instance);
    }
  }
}

bool IsNetworkMount(const MountSettings& mount) {
  constexpr std::string_view kTypes[] = {
      "nfs",   "nfs4",  "cifs",      "smb3", "smbfs", "ceph", "afs",        "9p",
      "sshfs", "ocfs2", "glusterfs", "gfs2", "ncpfs", "ncp",  "fuse.sshfs", "fuse.glusterfs"};
  if (std::ranges::find(kTypes, mount.type) != std::end(kTypes)) return true;
  return ("," + mount.options + ",").find(",_netdev,") != std::string::npos;
}

bool HasOption(const MountSettings& mount, std::string_view option) {
  return fmt::format(",{},", mount.options).find(fmt::format(",{},", option)) != std::string::npos;
}

void AddOfExec(Unit& unit, const ExecSettings& exec, const SearchFolders& folders) {
  if (exec.working_directory != "~") AddMountsOf(unit, folders, exec.working_directory);
  AddMountsOf(unit, folders, exec.root_directory);
  constexpr std::string_view kBases[] = {"/run", "/var/lib", "/var/cache", "/var/log", "/etc"};
  for (std::size_t kind = 0; kind < exec.directories.size(); ++kind) {
    for (const std::string& name : exec.directories[kind].names) {
      AddMountsOf(unit, folders, fmt::format("{}/{}", kBases[kind], name));
    }
  }
  if (exec.sandbox.private_tmp) {
    AddMountsOf(unit, folders, "/tmp");
    AddMountsOf(unit, folders, "/var/tmp");
  }
}

// A slice is there before what lies in it. Instances share a slice of their template's.
void AddSlice(Unit& unit, ResourceSettings& resources) {
  if (!resources.slice.empty()) {
    if (resources.slice != "-.slice" && resources.slice != "system.slice") {
      Require(unit, resources.slice);
    }
    return;
  }
  const NameParts parts = SplitName(unit.name);
  if (parts.instance) resources.slice = fmt::format("system-{}.slice", EscapeName(parts.prefix));
}

void OfService(Unit& unit) {
  ServiceSettings& service = *unit.service;
  if (service.EffectiveType() == ServiceType::kOneshot && !service.start_timeout_set) {
    service.start_timeout = kForever;
  }
  if (service.EffectiveType() == ServiceType::kDbus) Require(unit, "dbus.socket");
  for (const std::string& socket : service.sockets) {
    Add(unit.wants, socket);
    Add(unit.after, socket);
  }
  // Input that the unit itself holds is read unless it says otherwise.
  if (!service.exec.input_data.empty() && service.exec.input.kind == StandardStream::kNull) {
    service.exec.input.kind = StandardStream::kData;
  }
  if (!unit.default_dependencies) return;
  Require(unit, "sysinit.target");
  Add(unit.after, "basic.target");
}

void OfSocket(Unit& unit, const SearchFolders& folders) {
  SocketSettings& socket = *unit.socket;
  const std::string stem = unit.name.substr(0, unit.name.rfind('.'));
  if (socket.accept) {
    // An instance is made for each connection.
    unit.triggers = {fmt::format("{}@.service", stem)};
  } else {
    unit.triggers = {socket.service.empty() ? stem + ".service" : socket.service};
    Add(unit.before, unit.triggers.front());
  }
  for (const ListenSetting& listen : socket.listen) AddMountsOf(unit, folders, listen.address);
  if (!unit.default_dependencies) return;
  Add(unit.before, "sockets.target");
  Require(unit, "sysinit.target");
}

void OfTimer(Unit& unit) {
  const std::string stem = unit.name.substr(0, unit.name.rfind('.'));
  unit.triggers = {unit.timer->unit.empty() ? stem + ".service" : unit.timer->unit};
  Add(unit.before, unit.triggers.front());
  if (!unit.default_dependencies) return;
  Require(unit, "sysinit.target");
  Add(unit.before, "timers.target");
  if (!unit.timer->calendar.empty()) {
    Add(unit.after, "time-set.target");
    Add(unit.after, "time-sync.target");
  }
}

void OfMount(Unit& unit, const SearchFolders& folders) {
  MountSettings& mount = *unit.mount;
  const std::string stem = unit.name.substr(0, unit.name.rfind('.'));
  if (mount.where.empty()) mount.where = stem == "-" ? "/" : "/" + Unescape(stem);
  AddMountsOf(unit, folders,
              mount.where.substr(0, std::max<std::size_t>(mount.where.rfind('/'), 1)));
  const bool of_files = HasOption(mount, "bind") || HasOption(mount, "rbind") ||
                        HasOption(mount, "loop") || mount.type == "overlay";
  if (of_files) AddMountsOf(unit, folders, mount.what);
  if (!unit.default_dependencies || mount.where == "/" || mount.where == "/usr") return;
  Add(unit.conflicts, "umount.target");
  Add(unit.before, "umount.target");
  if (IsNetworkMount(mount)) {
    Add(unit.after, "remote-fs-pre.target");
    Add(unit.after, "network.target");
    Add(unit.wants, "network-online.target");
    Add(unit.after, "network-online.target");
    if (!HasOption(mount, "nofail")) Add(unit.before, "remote-fs.target");
  } else {
    Add(unit.after, "local-fs-pre.target");
    if (!HasOption(mount, "nofail")) Add(unit.before, "local-fs.target");
  }
}

void OfSlice(Unit& unit) {
  const std::string_view stem = std::string_view(unit.name).substr(0, unit.name.rfind('.'));
  if (const std::size_t dash = stem.rfind('-'); dash != std::string_view::npos && dash > 0) {
    Require(unit, fmt::format("{}.slice", stem.substr(0, dash)));
  }
}

}  // namespace

void AddImplicitDependencies(Unit& unit, const SearchFolders& folders) {
  MakeInstances(unit);
  for (std::size_t i = 0; i < unit.requires_mounts_for.size(); ++i) {
    const std::string path = unit.requires_mounts_for[i];
    AddMountsOf(unit, folders, path);
  }
  if (unit.service || unit.socket || unit.mount) {
    ExecSettings& exec = parse::ExecOf(unit);
    AddOfExec(unit, exec, folders);
    AddSlice(unit, exec.resources);
  }
  switch (unit.kind) {
    case UnitKind::kService:
      OfService(unit);
      break;
    case UnitKind::kSocket:
      OfSocket(unit, folders);
      break;
    case UnitKind::kTimer:
      OfTimer(unit);
      break;
    case UnitKind::kMount:
      OfMount(unit, folders);
      return;
    case UnitKind::kSlice:
      OfSlice(unit);
      break;
    default:
      break;
  }
  if (unit.default_dependencies && unit.name != "shutdown.target") {
    Add(unit.conflicts, "shutdown.target");
    Add(unit.before, "shutdown.target");
  }
}

std::string WhatIsMissing(const Unit& unit) {
  if (unit.service) {
    const ServiceSettings& service = *unit.service;
    const ServiceType type = service.EffectiveType();
    if (service.start.empty() && type != ServiceType::kOneshot) return "ExecStart= is missing";
    if (service.start.empty() && service.stop.empty() &&
        unit.success_action == SystemAction::kNone) {
      return "ExecStart= and ExecStop= are missing";
    }
    if (service.start.size() > 1 && type != ServiceType::kOneshot) {
      return "several ExecStart= need Type=oneshot";
    }
    if (type == ServiceType::kDbus && service.bus_name.empty()) {
      return "Type=dbus needs BusName=";
    }
    if (type == ServiceType::kOneshot &&
        (service.restart == Restart::kAlways || service.restart == Restart::kOnSuccess)) {
      return "Type=oneshot cannot be restarted after success";
    }
  }
  if (unit.socket) {
    if (unit.socket->listen.empty()) return "no Listen...= says where to listen";
    if (unit.socket->accept && !unit.socket->service.empty()) {
      return "Service= is not for Accept=yes: a template of the same name is used";
    }
    const bool accept_others = std::ranges::any_of(unit.socket->listen, [](const auto& entry) {
      return entry.kind != ListenKind::kStream && entry.kind != ListenKind::kSequentialPacket;
    });
    if (unit.socket->accept && accept_others) return "Accept=yes is for streams";
  }
  if (unit.timer) {
    const TimerSettings& timer = *unit.timer;
    if (timer.monotonic.empty() && timer.calendar.empty() && !timer.on_clock_change &&
        !timer.on_timezone_change) {
      return "no On...= says when it elapses";
    }
  }
  if (unit.mount) {
    if (unit.mount->what.empty()) return "What= is missing";
    if (!unit.mount->where.empty() && EscapePath(unit.mount->where) + ".mount" != unit.name) {
      return fmt::format("Where={} belongs in {}.mount", unit.mount->where,
                         EscapePath(unit.mount->where));
    }
  }
  return "";
}

}  // namespace inro::unit
