import type { EnclosureError } from './enclosure.ts'

/** What of the kernel's settings can forbid namespaces; read by kernel-settings.ts. */
export interface KernelSettings {
  /** Real root, which needs no user namespace. */
  readonly isRoot: boolean
  /** /proc/sys/user/max_{user,net,mnt}_namespaces; `undefined`: there is no such file. */
  readonly maxUser: number | undefined
  readonly maxNet: number | undefined
  readonly maxMount: number | undefined
  /** /proc/sys/kernel/unprivileged_userns_clone, which Debian's and Arch's kernels have. */
  readonly unprivilegedClone: number | undefined
  /** /proc/sys/kernel/apparmor_restrict_unprivileged_userns */
  readonly appArmorRestricts: number | undefined
  /** Whether a seccomp filter watches this process: in most containers one does. */
  readonly hasSeccomp: boolean
}

/** Why, as a clause after "because", and the command that mends it. */
export interface Explanation {
  /** The setting that forbids it, where one does. */
  readonly setting?: string
  readonly why: string
  readonly fix: string
}

/** The most likely reason first: what unshare(1) says alone ("Operation not permitted") helps nobody. */
export function explain(error: Pick<EnclosureError, 'step' | 'said'>, settings: KernelSettings) {
  return (
    explainProgram(error) ??
    explainLimits(error, settings) ??
    explainStep(error) ??
    explainPermission(error, settings)
  )
}

/** `byname run` cannot work here; `why`, `fix` and the other ways in. */
export class NamespacesForbidden extends Error {
  override readonly name = 'NamespacesForbidden'
  readonly code = 'ERR_NAMESPACES_FORBIDDEN'
  readonly exitCode = 2
  readonly why: string
  readonly fix: string
  readonly setting: string | undefined
  constructor({ setting, why, fix }: Explanation) {
    super('byname run gets no network namespace of its own from this kernel')
    this.why = why
    this.fix = `${fix}\n  or go another way: ${OTHER_WAYS}`
    this.setting = setting
  }
}

const OTHER_WAYS = 'byname client run (SOCKS5, HTTP and PAC on one port), see docs/run.md'

type Failed = Pick<EnclosureError, 'step' | 'said'>

function explainProgram({ step, said }: Failed): Explanation | undefined {
  if (step === 'start' && said === 'ENOENT') {
    return {
      why: 'the program unshare (util-linux) is not installed',
      fix: 'apt-get install util-linux (Debian, Ubuntu), dnf install util-linux (Fedora)',
    }
  }
  if (step === 'unshare' && /unrecogni[sz]ed option|invalid option/.test(said)) {
    return {
      why: 'this unshare is BusyBox’s or older than util-linux 2.36',
      fix: 'apk add util-linux (Alpine)',
    }
  }
  return undefined
}

function explainLimits(_: Failed, settings: KernelSettings): Explanation | undefined {
  const user: [string, number | undefined] = ['user.max_user_namespaces', settings.maxUser]
  const limits: [string, number | undefined][] = [
    ...(settings.isRoot ? [] : [user]),
    ['user.max_net_namespaces', settings.maxNet],
    ['user.max_mnt_namespaces', settings.maxMount],
  ]
  const [setting] = limits.find(([, value]) => value === 0) ?? []
  if (setting !== undefined) {
    return { setting, why: `${setting} is 0`, fix: `sudo sysctl -w ${setting}=10000` }
  }
  const clone = 'kernel.unprivileged_userns_clone'
  if (!settings.isRoot && settings.unprivilegedClone === 0) {
    return { setting: clone, why: `${clone} is 0`, fix: `sudo sysctl -w ${clone}=1` }
  }
  return undefined
}

function explainStep({ step, said }: Failed): Explanation | undefined {
  if (step === 'rules') {
    return {
      why: `the kernel takes no nftables rules with tproxy, socket and redirect (${said})`,
      fix: 'sudo modprobe -a nft_tproxy nft_socket nft_redir nf_tables',
    }
  }
  if (step === 'unshare' && said.includes('No space left on device')) {
    return {
      why: 'a limit of namespaces is reached: too many, or too many inside one another',
      fix: 'sysctl user.max_user_namespaces user.max_net_namespaces',
    }
  }
  return undefined
}

function explainPermission(error: Failed, settings: KernelSettings): Explanation {
  const appArmor = 'kernel.apparmor_restrict_unprivileged_userns'
  if (!settings.isRoot && settings.appArmorRestricts === 1) {
    return {
      setting: appArmor,
      why: `${appArmor} is 1: namespaces are made, but without any power in them`,
      fix: `an AppArmor profile with "userns," for node, or sudo sysctl -w ${appArmor}=0`,
    }
  }
  if (settings.hasSeccomp) {
    return {
      setting: 'seccomp',
      why: `a seccomp filter, as containers have, forbids it (${error.step}: ${error.said})`,
      fix: 'docker run --security-opt seccomp=unconfined, or --cap-add SYS_ADMIN --cap-add NET_ADMIN',
    }
  }
  return {
    why: `the kernel refused at the step "${error.step}": ${error.said || 'no reason given'}`,
    fix: 'outside a chroot or container it is allowed by default; byname run as root needs less',
  }
}
