/** The webhooks of one place, and what can be done with them. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { lazy, Suspense } from 'react'
import { ApiError } from '../api/request.ts'
import { useWebhooks, type WebhookPlace } from '../api/webhooks.ts'
import { Dialog } from '../shell/dialog.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Command, Empty, Failure, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { DeliveryDetail } from './delivery-detail.tsx'
import { WebhookCard } from './webhook-card.tsx'
import { WebhookDetail } from './webhook-detail.tsx'
import { WebhookDialog } from './webhook-dialog.tsx'

const Recipes = lazy(async () => ({ default: (await import('./recipes.tsx')).Recipes }))

/** What of it the address opens. */
export interface Open {
  readonly webhook: string | undefined
  readonly delivery: string | undefined
}

export function Webhooks(o: {
  readonly place: WebhookPlace
  readonly open: Open
  readonly onOpen: (to: Open) => void
}) {
  const { text } = useSpeech()
  const webhooks = useWebhooks(o.place)
  const [isCreating, creating] = useDisclosure()
  const [isCooking, recipes] = useDisclosure()
  if (webhooks.error instanceof ApiError && webhooks.error.status === 403) {
    return <MayNot>{text.webhooks.mayNot}</MayNot>
  }
  if (webhooks.isError) return <Failure error={webhooks.error} retry={() => void webhooks.refetch()} />
  if (webhooks.data === undefined) return <Rows count={3} />
  const { webhook: name, delivery } = o.open
  const found = webhooks.data.find((one) => one.name === name)
  const toWebhook = (webhook: string | undefined) => o.onOpen({ webhook, delivery: undefined })
  if (name !== undefined && found === undefined) {
    return (
      <Stack align="flex-start">
        <Text>{text.webhooks.absent(name)}</Text>
        <Button variant="default" onClick={() => toWebhook(undefined)}>
          {text.webhooks.all}
        </Button>
      </Stack>
    )
  }
  if (found !== undefined && delivery !== undefined) {
    return <DeliveryDetail place={o.place} webhook={found.name} id={delivery} onBack={() => toWebhook(found.name)} />
  }
  if (found !== undefined) {
    return <WebhookDetail place={o.place} webhook={found} others={webhooks.data} onBack={() => toWebhook(undefined)} />
  }
  return (
    <Stack>
      <Group justify="space-between">
        <Text c="dimmed">{text.webhooks.lead}</Text>
        <Button onClick={creating.open}>{text.webhooks.create}</Button>
      </Group>
      {webhooks.data.length === 0 ? <Empty>{text.webhooks.empty}</Empty> : null}
      {webhooks.data.map((webhook) => (
        <WebhookCard key={webhook.id} place={o.place} webhook={webhook} onOpen={() => toWebhook(webhook.name)} />
      ))}
      <Section title={text.webhooks.tryTitle} lead={text.webhooks.tryLead}>
        <Command line={`kagami webhook listen ${o.place} --forward http://localhost:9000/hooks/kagami`} />
        <Group gap="xs">
          <Text size="sm">{text.webhooks.recipes}</Text>
          <Button size="compact-sm" variant="default" onClick={recipes.open}>
            {text.webhooks.showRecipes}
          </Button>
        </Group>
      </Section>
      {isCooking ? (
        <Dialog title={text.webhooks.recipesTitle} size="xl" onClose={recipes.close}>
          <Suspense fallback={<Rows count={6} />}>
            <Recipes place={o.place} />
          </Suspense>
        </Dialog>
      ) : null}
      {isCreating ? <WebhookDialog place={o.place} others={webhooks.data} onClose={creating.close} /> : null}
    </Stack>
  )
}
