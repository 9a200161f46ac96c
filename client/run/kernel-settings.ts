import { readFileSync } from 'node:fs'
import type { KernelSettings } from './forbidden.ts'
import { hasPower } from './host.ts'

/** The settings that can forbid namespaces, as this process sees them. */
export function readKernelSettings(read: (file: string) => string = readOrNothing): KernelSettings {
  const number = (file: string) => {
    const text = read(`/proc/sys/${file}`).trim()
    return /^\d+$/.test(text) ? Number(text) : undefined
  }
  const status = read('/proc/self/status')
  return {
    isRoot: hasPower(status),
    maxUser: number('user/max_user_namespaces'),
    maxNet: number('user/max_net_namespaces'),
    maxMount: number('user/max_mnt_namespaces'),
    unprivilegedClone: number('kernel/unprivileged_userns_clone'),
    appArmorRestricts: number('kernel/apparmor_restrict_unprivileged_userns'),
    hasSeccomp: /^Seccomp:\s*2/m.test(status),
  }
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
