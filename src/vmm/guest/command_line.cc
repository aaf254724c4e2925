// What each word is worth was measured with Debian's stock cloud kernel 6.1 under TCG, as processor
// time of QEMU from exec to /init, least of six interleaved boots; the plain command line took 3.44
// s:
//   cryptomgr.notests             -0.34 s   the kernel's self-tests of its ciphers (417 ms of
//   initcalls) tsc=reliable no_timer_check   -0.39 s   no calibration loops, and the TSC as clock:
//   under TCG and
//                                           KVM it runs in step on all processors, else the kernel
//                                           falls back to the HPET, a device model at each clock
//                                           read
//   quiet                         -0.09 to -0.3 s   a character of a serial console is one exit
// Left alone: mitigations, module signatures, randomization, security modules. The floor gets the
// same words as the guests.
#include "vmm/guest/machine.h"

namespace inro::vmm {

std::vector<std::string> BaseCommandLine(bool verbose) {
  std::vector<std::string> words{
      "console=ttyS0",
      // A panic restarts the machine at once, and QEMU's -no-reboot turns that into its end.
      "panic=-1",
      "tsc=reliable",
      "no_timer_check",
      "cryptomgr.notests",
      // Grace periods that end soon: mounts and namespaces wait for them during a boot.
      "rcupdate.rcu_expedited=1",
  };
  // Warnings and notices, among them those of PID 1, but not the kernel's chatter.
  if (!verbose) words.push_back("loglevel=6");
  return words;
}

}  // namespace inro::vmm
