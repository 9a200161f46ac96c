import { Gauge, Registry } from '@prometheus-io/client'
import type { ConnectorStatus } from './status.ts'

/** The Prometheus text of a connector, read off its status at each scrape. */
export function metricsOf(status: () => ConnectorStatus): () => Promise<string> {
  const registry = new Registry()
  const gauge = (name: string, help: string, read: (now: ConnectorStatus) => number) => {
    const registers = [registry]
    new Gauge({
      name: `byname_connector_${name}`,
      help,
      registers,
      collect() {
        this.set(read(status()))
      },
    })
  }
  gauge('tunnels', 'Tunnels to edges that are up.', ({ tunnels }) => {
    return tunnels.filter(({ state }) => state === 'open').length
  })
  gauge('flows', 'Flows that are joined to origins.', ({ flows }) => flows)
  gauge('dials_active', 'Origins being dialled.', ({ dials }) => dials.active)
  gauge('dials_waiting', 'Flows that wait to be dialled.', ({ dials }) => dials.waiting)
  gauge('apps', 'Apps that are published.', ({ apps }) => apps.length)
  gauge('apps_failing', 'Apps whose origin does not answer.', ({ apps }) => {
    return apps.filter(({ health }) => health === 'failing').length
  })
  gauge('apps_refused', 'Apps outside the grants of the enrolment.', ({ apps }) => {
    return apps.filter(({ granted }) => !granted).length
  })
  return () => registry.metrics()
}
