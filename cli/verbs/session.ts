import type { Command } from 'commander'
import { addEdgePlaces, type ShowFlags } from '../edge/flags.ts'
import type { EdgePlaces } from '../edge/socket.ts'
import type { Output } from '../output.ts'

/** `byname session list|revoke`: who is signed in at this edge. */
export function register(program: Command, out: Output): void {
  const session = program
    .command('session')
    .description('See and end the sessions of people.')
    .addHelpText('after', '\nExample:\n  $ byname session list')
  addEdgePlaces(session.command('list'))
    .description('Show the sessions that are live.')
    .option('--json', 'as one JSON document')
    .addHelpText('after', '\nExample:\n  $ byname session list')
    .action(async (flags: ShowFlags) => {
      const { listSessions } = await import('../edge/sessions.ts')
      await listSessions(flags, out, Date.now())
    })
  addEdgePlaces(session.command('revoke'))
    .argument('<session>', "a session's id, or a person: every session of theirs")
    .description('End sessions: their tunnels close, their flows are cut.')
    .addHelpText('after', '\nExample:\n  $ byname session revoke bob@example.com')
    .action(async (wanted: string, flags: EdgePlaces) => {
      const { revokeSessions } = await import('../edge/sessions.ts')
      await revokeSessions(wanted, flags, out)
    })
}
