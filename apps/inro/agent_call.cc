#include "agent_call.h"

#include "protocol/agent_api.h"
#include "vmm/guest/readiness.h"
#include "vmm/host/guest_address.h"
#include "wire/client.h"

namespace inro::cli {

Result<> AskToPowerOff(const std::string& guest, std::chrono::milliseconds limit) {
  INRO_ASSIGN(const vmm::GuestAddress address, vmm::FindGuest(guest));
  INRO_ASSIGN(UniqueFd socket, vmm::ConnectGuest(address, vmm::kAgentPort, limit));
  wire::Client agent(std::move(socket));
  INRO_TRY(agent.CallOk(protocol::kAgentService, "DestroySandbox", "", limit));
  return {};
}

}  // namespace inro::cli
