/** Leads to a webhook, or to one of its deliveries, in the place whose it is. */
import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { WebhookPlace } from '../api/webhooks.ts'
import { repositoryPlace } from '../shell/repository-link.tsx'

export function WebhookLink(o: {
  readonly place: WebhookPlace
  readonly webhook: string
  readonly delivery?: string
  readonly isStrong?: boolean
  readonly children: ReactNode
}) {
  const search = { webhook: o.webhook, ...(o.delivery === undefined ? {} : { delivery: o.delivery }) }
  const look = o.isStrong === true ? { fw: 600 } : { size: 'sm' }
  if (!o.place.includes('/')) {
    return (
      <Anchor
        {...look}
        renderRoot={(props) => (
          <Link {...props} to="/o/$organization/webhooks" params={{ organization: o.place }} search={search} />
        )}
      >
        {o.children}
      </Anchor>
    )
  }
  return (
    <Anchor
      {...look}
      renderRoot={(props) => (
        <Link
          {...props}
          to="/o/$organization/repository/$"
          params={repositoryPlace(o.place)}
          search={{ tab: 'webhooks', ...search }}
        />
      )}
    >
      {o.children}
    </Anchor>
  )
}
