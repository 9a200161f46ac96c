import { FlowTable } from '../../../tunnel/endpoint.ts'
import { systemClock } from '../../../tunnel/link.ts'
import { readConnectorContext } from '../../../tunnel/messages/open-context.ts'

/** The flows of a client process: they outlive its tunnels. */
export const clientFlows = (): FlowTable =>
  new FlowTable({ clock: systemClock, random: Math.random })

/** The flows of a connector process. */
export const connectorFlows = (): FlowTable =>
  new FlowTable({
    clock: systemClock,
    random: Math.random,
    partyOf: (context) => readConnectorContext(context).session,
  })
