import type { Room } from './room.ts'

/** Where a room is in the outer network. */
export interface Plug {
  readonly device: string
  readonly address: string
}

/** The cable of this device is pulled: its address goes as well, and no program is told. */
export function unplug(room: Room, { device, address }: Plug): void {
  room.runSync(['ip', 'addr', 'del', `${address}/24`, 'dev', device])
  room.runSync(['ip', 'link', 'set', device, 'down'])
}

/** It is back, with another address. */
export function replug(room: Room, { device, address }: Plug): void {
  room.runSync(['ip', 'link', 'set', device, 'up'])
  room.runSync(['ip', 'addr', 'add', `${address}/24`, 'dev', device])
}

/** From now on nothing from one address to the other gets in here; the other way all goes on. */
export function deafen(room: Room, from: string, to: string): void {
  room.runSync(['nft', 'add table inet deaf'])
  room.runSync(['nft', 'add chain inet deaf in { type filter hook input priority 0; }'])
  room.runSync(['nft', `add rule inet deaf in ip saddr ${from} ip daddr ${to} drop`])
}

export function hearAgain(room: Room): void {
  room.runSync(['nft', 'delete table inet deaf'])
}
