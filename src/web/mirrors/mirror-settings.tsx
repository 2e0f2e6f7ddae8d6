/** What a mirror takes, and what it does about upstream's whims. */
import { Button, Group, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { Mirror } from '../../api/mirrors.ts'
import { Facts } from '../shell/facts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { SelectionDialog } from './selection-dialog.tsx'
import { WhimsDialog } from './whims-dialog.tsx'

export function MirrorSettings({ mirror, mayChange }: { readonly mirror: Mirror; readonly mayChange: boolean }) {
  const { text } = useSpeech()
  const [isSelecting, selecting] = useDisclosure()
  const [isSetting, setting] = useDisclosure()
  const { selection, whims, freshness } = mirror
  const parts = Object.entries(selection) as [keyof typeof selection, unknown][]
  const shown = (value: unknown) => (Array.isArray(value) ? value.join('  ') || text.mirrors.nothing : String(value))
  return (
    <>
      <Section
        title={text.mirrors.selection}
        lead={parts.length === 0 ? text.mirrors.everything : text.mirrors.selectionLead}
        action={
          mayChange ? (
            <Button variant="default" size="xs" onClick={selecting.open}>
              {text.mirrors.changeSelection}
            </Button>
          ) : null
        }
      >
        {parts.length === 0 ? null : (
          <Facts
            cols={{ base: 1, sm: 2, lg: 3 }}
            facts={parts.map(([part, value]) => [text.selection[part], shown(value)] as const)}
          />
        )}
      </Section>
      <Section
        title={text.whims.title}
        lead={text.whims.lead}
        action={
          mayChange ? (
            <Button variant="default" size="xs" onClick={setting.open}>
              {text.whims.change}
            </Button>
          ) : null
        }
      >
        <Facts
          cols={{ base: 1, sm: 2, lg: 4 }}
          facts={[
            [
              text.whims.objective,
              freshness.objectiveSeconds === null ? text.whims.none : (mirror.settings.objective ?? ''),
            ],
            [text.whims.vanished, text.whims.vanishedWays[whims.vanished]],
            ...(whims.vanished === 'untag'
              ? [[text.whims.grace, whims.grace] as const, [text.whims.brake, `${whims.brake} %`] as const]
              : []),
            [text.whims.settle, whims.settle === '0' ? text.whims.none : whims.settle],
            [text.whims.withoutReferrers, text.whims.withoutWays[whims.withoutReferrers]],
            [text.whims.recheck, whims.recheck],
          ]}
        />
        <Group>
          {mirror.subscription === null ? null : (
            <Text size="sm" c="dimmed">
              {text.whims.bySubscription}
            </Text>
          )}
        </Group>
      </Section>
      {isSelecting ? <SelectionDialog mirror={mirror} onClose={selecting.close} /> : null}
      {isSetting ? <WhimsDialog mirror={mirror} onClose={setting.close} /> : null}
    </>
  )
}
