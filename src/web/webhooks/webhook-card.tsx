/** One webhook among others: where it posts, how it is, and what it sent last. */
import { Button, Card, Group, Stack, Text } from '@mantine/core'
import { AlertIcon, CheckIcon, CircleSlashIcon } from '@primer/octicons-react'
import type { Webhook } from '../../api/webhooks.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { type WebhookPlace, webhookPath } from '../api/webhooks.ts'
import { Failure, Time } from '../shell/parts.tsx'
import { Said } from '../shell/said.tsx'
import { Status } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { Deliveries } from './deliveries.tsx'
import { WebhookLink } from './webhook-link.tsx'

const SHOWN = 3

export function WebhookCard(o: {
  readonly place: WebhookPlace
  readonly webhook: Webhook
  readonly onOpen: () => void
}) {
  const { text, said } = useSpeech()
  const { webhook } = o
  return (
    <Card withBorder component="section" aria-label={webhook.name}>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start">
          <div>
            <Group gap="xs">
              <WebhookLink place={o.place} webhook={webhook.name} isStrong>
                {webhook.name}
              </WebhookLink>
              <WebhookState webhook={webhook} />
            </Group>
            <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {webhook.url}
            </Text>
            <Text size="sm" c="dimmed">
              {[text.webhooks.formats[webhook.format], webhook.tags.join(' ') || text.webhooks.everyTag].join(' · ')}
            </Text>
            {webhook.disabledReason === null ? null : (
              <Said words={said?.disabledWebhook} message={webhook.disabledReason} />
            )}
          </div>
          <Group gap="xs">
            <TestButton place={o.place} webhook={webhook} />
            <Button variant="default" onClick={o.onOpen}>
              {text.webhooks.open}
            </Button>
          </Group>
        </Group>
        <Deliveries place={o.place} webhook={webhook.name} most={SHOWN} />
      </Stack>
    </Card>
  )
}

export function WebhookState({
  webhook,
}: {
  readonly webhook: Pick<Webhook, 'enabled' | 'failingSince' | 'disabledReason'>
}) {
  const { text } = useSpeech()
  if (!webhook.enabled) {
    return (
      <Status tone={webhook.disabledReason === null ? 'quiet' : 'broken'} icon={CircleSlashIcon}>
        {text.webhooks.disabled}
      </Status>
    )
  }
  if (webhook.failingSince === null) {
    return (
      <Status tone="good" icon={CheckIcon}>
        {text.webhooks.enabled}
      </Status>
    )
  }
  return (
    <>
      <Status tone="held" icon={AlertIcon}>
        {text.webhooks.failing}
      </Status>
      <Text size="sm" c="dimmed">
        <Time at={webhook.failingSince} />
      </Text>
    </>
  )
}

export function TestButton({ place, webhook }: { readonly place: WebhookPlace; readonly webhook: Webhook }) {
  const { text } = useSpeech()
  const tell = useTell()
  const test = useChange(
    () => request('POST', webhookPath(place, webhook.name, '/test')),
    () => tell(text.webhooks.tested),
  )
  return (
    <>
      <Button variant="default" loading={test.isPending} onClick={() => test.mutate(undefined)}>
        {text.webhooks.test}
      </Button>
      {test.isError ? <Failure error={test.error} /> : null}
    </>
  )
}
