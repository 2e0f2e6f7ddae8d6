/** Changes what a subscription takes. */
import { Stack, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Subscription } from '../../api/subscriptions.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { subscriptionPath } from '../api/subscriptions.ts'
import { number } from '../format/sizes.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { globsOf, Preview, type Takes, TakesFields } from './subscription-takes.tsx'

export function SubscriptionDialog(o: { readonly subscription: Subscription; readonly onClose: () => void }) {
  const { text, language } = useSpeech()
  const tell = useTell()
  const { organization, id, upstream, match, except, adopt, repositories } = o.subscription
  const [taken, setTaken] = useState<Takes>({ match: match.join('\n'), except: except.join('\n'), adopt })
  const globs = globsOf(taken)
  const isSame = JSON.stringify(globs) === JSON.stringify({ match, except, adopt })
  const isSameCatalog = JSON.stringify([globs.match, globs.except]) === JSON.stringify([match, except])
  const change = useChange(
    () => request<{ fallenOut: number }>('PATCH', subscriptionPath(organization, id), { body: globs }),
    ({ fallenOut }) => {
      tell(
        fallenOut === 0 ? text.subscriptions.changed : text.subscriptions.changedLeaving(number(fallenOut, language)),
      )
      o.onClose()
    },
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate(undefined)
  }
  // A list of repositories is what a registry without a catalog has instead.
  const body = { organization, upstream, ...globs, ...(repositories === null ? {} : { repositories }) }
  return (
    <Dialog title={text.subscriptions.changeTitle(upstream)} size="lg" onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{text.subscriptions.changeLead}</Text>
          <TakesFields value={taken} onChange={setTaken} />
          <Preview body={body} isDisabled={isSameCatalog} />
          {change.isError ? <Failure error={change.error} /> : null}
          <DialogButtons
            action={text.subscriptions.save}
            isPending={change.isPending}
            isDisabled={isSame}
            onCancel={o.onClose}
          />
        </Stack>
      </form>
    </Dialog>
  )
}
