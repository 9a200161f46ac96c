import type { Command } from 'commander'
import type { Output } from '../output.ts'

/** `byname connector token|list|revoke`: what an admin does beside the edge. */
export declare function addAdminVerbs(connector: Command, out: Output): void
