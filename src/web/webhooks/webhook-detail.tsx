/** One webhook: how it is set, how it is, and everything that it sent. */
import { Alert, Button, Group, Select, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ArrowLeftIcon } from '@primer/octicons-react'
import { useState } from 'react'
import type { Webhook, WebhookDelivery } from '../../api/webhooks.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { useDeliveries, type WebhookPlace, webhookPath } from '../api/webhooks.ts'
import { Confirm, Dialog } from '../shell/dialog.tsx'
import { Facts } from '../shell/facts.tsx'
import { Failure, Time } from '../shell/parts.tsx'
import { Said } from '../shell/said.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { Deliveries } from './deliveries.tsx'
import { NewSecret } from './new-secret.tsx'
import { TestButton, WebhookState } from './webhook-card.tsx'
import { WebhookDialog } from './webhook-dialog.tsx'

interface Props {
  readonly place: WebhookPlace
  readonly webhook: Webhook
}

export function WebhookDetail(
  o: Props & {
    readonly others: readonly Webhook[]
    readonly onBack: () => void
  },
) {
  const { text, said } = useSpeech()
  const { webhook, place } = o
  const [isChanging, changing] = useDisclosure()
  const hasFailed = (useDeliveries(place, webhook.name, 'dead').data?.pages[0]?.deliveries.length ?? 0) > 0
  const [status, setStatus] = useState<WebhookDelivery['status']>()
  return (
    <Stack>
      <Group>
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<ArrowLeftIcon size={14} aria-hidden="true" />}
          onClick={o.onBack}
        >
          {text.webhooks.back}
        </Button>
      </Group>
      <Section
        title={
          <Group gap="xs">
            {webhook.name}
            <WebhookState webhook={webhook} />
          </Group>
        }
        lead={webhook.url}
        action={
          <Group gap="xs">
            <TestButton place={place} webhook={webhook} />
            <Button variant="default" onClick={changing.open}>
              {text.webhooks.change}
            </Button>
            <Enable place={place} webhook={webhook} />
          </Group>
        }
      >
        {webhook.disabledReason === null ? null : (
          <Alert color="red" variant="light">
            <Said words={said?.disabledWebhook} message={webhook.disabledReason} />
          </Alert>
        )}
        <Settings webhook={webhook} />
        <Group gap="xs">
          <Rotate place={place} webhook={webhook} />
          <Remove place={place} webhook={webhook} onDone={o.onBack} />
        </Group>
      </Section>
      <Section
        title={text.webhooks.deliveries}
        action={
          <Group gap="xs">
            <Select
              aria-label={text.webhooks.columns.status}
              size="xs"
              w={160}
              data={[
                { value: '', label: text.webhooks.everyStatus },
                ...Object.entries(text.webhooks.statuses).map(([value, label]) => ({ value, label })),
              ]}
              value={status ?? ''}
              onChange={(chosen) => setStatus((chosen || undefined) as typeof status)}
              allowDeselect={false}
            />
            {hasFailed ? <AllFailed place={place} webhook={webhook} /> : null}
          </Group>
        }
      >
        <Deliveries place={place} webhook={webhook.name} status={status} />
      </Section>
      {isChanging ? <WebhookDialog place={place} webhook={webhook} others={o.others} onClose={changing.close} /> : null}
    </Stack>
  )
}

function Settings({ webhook }: { readonly webhook: Webhook }) {
  const { text } = useSpeech()
  const { form } = text.webhooks
  const yesOrNo = (is: boolean) => (is ? text.access.yes : text.access.no)
  return (
    <Facts
      cols={{ base: 1, sm: 2, lg: 4 }}
      facts={[
        ...(webhook.repository === null ? [[form.repositories, webhook.repositories.join(' ')] as const] : []),
        [form.events, webhook.events.join(', ')],
        [text.webhooks.tags, webhook.tags.join(' ') || text.webhooks.everyTag],
        [text.webhooks.format, text.webhooks.formats[webhook.format]],
        [form.initialSync, form.initialSyncs[webhook.initialSync]],
        [form.headers, webhook.headers.join(', ') || '–'],
        [form.after, webhook.after ?? '–'],
        [form.changedOnly, yesOrNo(webhook.changedOnly)],
        [form.coalesce, yesOrNo(webhook.coalesce)],
        [text.webhooks.made, <Time key="made" at={webhook.createdAt} />],
        ...(webhook.oldSecretUntil === null
          ? []
          : [[text.webhooks.oldSecret, <Time key="old" at={webhook.oldSecretUntil} />] as const]),
      ]}
    />
  )
}

function Enable({ place, webhook }: Props) {
  const { text } = useSpeech()
  const tell = useTell()
  const change = useChange(
    () => request('PATCH', webhookPath(place, webhook.name), { body: { enabled: !webhook.enabled } }),
    () => tell(text.settings.changed),
  )
  return (
    <>
      <Button variant="default" loading={change.isPending} onClick={() => change.mutate(undefined)}>
        {webhook.enabled ? text.webhooks.disable : text.webhooks.enable}
      </Button>
      {change.isError ? <Failure error={change.error} /> : null}
    </>
  )
}

function Rotate({ place, webhook }: Props) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const rotate = useChange(() =>
    request<{ secret: string }>('PATCH', webhookPath(place, webhook.name), { body: { rotateSecret: true } }),
  )
  return (
    <>
      <Button variant="default" size="xs" onClick={dialog.open}>
        {text.webhooks.rotate}
      </Button>
      {!isOpen ? null : rotate.data === undefined ? (
        <Confirm
          title={text.webhooks.rotateTitle(webhook.name)}
          action={text.webhooks.rotate}
          color="teal"
          change={{ ...rotate, mutate: (input) => rotate.mutate(input) }}
          onClose={dialog.close}
        >
          {text.webhooks.rotateLead}
        </Confirm>
      ) : (
        <Dialog title={text.webhooks.rotate} size="lg" onClose={dialog.close}>
          <NewSecret
            secret={rotate.data.secret}
            onClose={() => {
              dialog.close()
              rotate.reset()
            }}
          />
        </Dialog>
      )}
    </>
  )
}

const DAY_MS = 86_400_000
/** Nothing older is kept. */
const SINCE_MS = 30 * DAY_MS

function AllFailed({ place, webhook }: Props) {
  const { text } = useSpeech()
  const tell = useTell()
  const again = useChange(
    () => {
      const failedSince = new Date(Date.now() - SINCE_MS).toISOString()
      return request<{ deliveries: string[] }>('POST', webhookPath(place, webhook.name, '/redeliver'), {
        body: { failedSince },
      })
    },
    ({ deliveries }) => tell(text.webhooks.sentAllAgain(String(deliveries.length))),
  )
  return (
    <>
      <Button size="xs" variant="default" loading={again.isPending} onClick={() => again.mutate(undefined)}>
        {text.webhooks.againAll}
      </Button>
      {again.isError ? <Failure error={again.error} /> : null}
    </>
  )
}

function Remove({ place, webhook, onDone }: Props & { readonly onDone: () => void }) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const remove = useChange(() => request('DELETE', webhookPath(place, webhook.name)), onDone)
  return (
    <>
      <Button variant="default" c="red" size="xs" onClick={dialog.open}>
        {text.webhooks.remove}
      </Button>
      {isOpen ? (
        <Confirm
          title={text.webhooks.removeTitle(webhook.name)}
          action={text.webhooks.remove}
          change={remove}
          onClose={dialog.close}
        >
          {text.webhooks.removeLead}
        </Confirm>
      ) : null}
    </>
  )
}
