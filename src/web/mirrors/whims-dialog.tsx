/** How often a mirror looks, how fresh it has to be, and what it does when upstream takes something back. */
import { NumberInput, Select, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { MirrorChange } from '../../api/mirror-settings.ts'
import type { Mirror } from '../../api/mirrors.ts'
import { useChange } from '../api/client.ts'
import { changeMirror } from '../api/mirrors.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function WhimsDialog({ mirror, onClose }: { readonly mirror: Mirror; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const tell = useTell()
  const { whims, schedule, settings } = mirror
  const [way, setWay] = useState<'every' | 'cron'>('every' in schedule ? 'every' : 'cron')
  const [vanished, setVanished] = useState(whims.vanished)
  const [without, setWithout] = useState(whims.withoutReferrers)
  const [brake, setBrake] = useState(whims.brake)
  const save = useChange(
    (change: MirrorChange) => changeMirror(mirror.repository, change),
    () => {
      tell(text.settings.changed)
      onClose()
    },
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const field = (name: string) => String(form.get(name) ?? '').trim()
    const when = field('when')
    save.mutate({
      schedule: way === 'every' ? { every: when } : { cron: when },
      objective: field('objective') === '' ? null : field('objective'),
      vanished,
      ...(vanished === 'untag' ? { grace: field('grace'), brake } : {}),
      settle: field('settle') || '0',
      recheck: field('recheck') || '0',
      withoutReferrers: without,
    })
  }
  const ways = <K extends string>(words: Readonly<Record<K, string>>) =>
    (Object.entries(words) as [K, string][]).map(([value, label]) => ({ value, label }))
  return (
    <Dialog title={text.whims.dialogTitle(mirror.repository)} size="lg" onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Select
              label={text.whims.way}
              data={ways(text.whims.ways)}
              value={way}
              onChange={(chosen) => setWay(chosen as typeof way)}
              allowDeselect={false}
            />
            <TextInput
              key={way}
              name="when"
              label={text.whims.when[way]}
              description={text.whims.whenHelp[way]}
              defaultValue={
                way === 'every'
                  ? 'every' in schedule
                    ? schedule.every
                    : '15m'
                  : 'cron' in schedule
                    ? schedule.cron
                    : '0 4 * * *'
              }
              required
            />
            <TextInput
              name="objective"
              label={text.whims.objective}
              description={text.whims.objectiveHelp}
              defaultValue={settings.objective ?? ''}
            />
            <TextInput
              name="settle"
              label={text.whims.settle}
              description={text.whims.settleHelp}
              defaultValue={whims.settle === '0' ? '' : whims.settle}
            />
            <Select
              label={text.whims.vanished}
              data={ways(text.whims.vanishedWays)}
              value={vanished}
              onChange={(chosen) => setVanished(chosen as typeof vanished)}
              allowDeselect={false}
            />
            {vanished === 'untag' ? (
              <>
                <TextInput
                  name="grace"
                  label={text.whims.grace}
                  description={text.whims.graceHelp}
                  defaultValue={whims.grace}
                  required
                />
                <NumberInput
                  label={text.whims.brake}
                  description={text.whims.brakeHelp}
                  value={brake}
                  onChange={(value) => setBrake(Number(value))}
                  min={1}
                  max={100}
                  suffix=" %"
                />
              </>
            ) : null}
            <Select
              label={text.whims.withoutReferrers}
              data={ways(text.whims.withoutWays)}
              value={without}
              onChange={(chosen) => setWithout(chosen as typeof without)}
              allowDeselect={false}
            />
            <TextInput
              name="recheck"
              label={text.whims.recheck}
              description={text.whims.recheckHelp}
              defaultValue={whims.recheck}
            />
          </SimpleGrid>
          {save.isError ? <Failure error={save.error} /> : null}
          <DialogButtons action={text.common.save} isPending={save.isPending} onCancel={onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}
