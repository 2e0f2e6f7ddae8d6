/** What the server goes by, and where each of it comes from. */
import { Code, Stack, Table, Text } from '@mantine/core'
import type { InstanceSetting } from '../../api/operator.ts'
import { useInstanceSettings } from '../api/operator.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Failure, Rows } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function SettingsTab() {
  const { text, said } = useSpeech()
  const settings = useInstanceSettings()
  if (settings.isError) return <Failure error={settings.error} retry={() => void settings.refetch()} />
  if (settings.data === undefined) return <Rows />
  const { settingColumns: columns } = text.operator
  return (
    <Stack>
      <Text c="dimmed" size="sm">
        {text.operator.settingsLead}
      </Text>
      <LongTable
        items={settings.data}
        keyOf={({ variable }) => variable}
        head={
          <>
            <Table.Th>{columns.setting}</Table.Th>
            <Table.Th>{columns.value}</Table.Th>
            <Table.Th>{columns.source}</Table.Th>
          </>
        }
        row={(setting) => (
          <>
            <Table.Td>
              <Code>{setting.variable}</Code>
              <Text size="xs" c="dimmed" maw={560}>
                {said?.settings[setting.variable] ?? setting.about}
              </Text>
            </Table.Td>
            <Table.Td>
              <Value setting={setting} />
            </Table.Td>
            <Table.Td>
              <Text size="sm" {...(setting.source === 'default' ? { c: 'dimmed' } : {})}>
                {text.operator.sources[setting.source]}
              </Text>
              {setting.where === null ? null : (
                <Text size="xs" c="dimmed">
                  {setting.where}
                </Text>
              )}
            </Table.Td>
          </>
        )}
      />
    </Stack>
  )
}

function Value({ setting: { variable, value, isSecret, source } }: { readonly setting: InstanceSetting }) {
  const { text, said } = useSpeech()
  const sentence = source === 'default' ? said?.defaults[variable] : undefined
  const words = isSecret && source !== 'default' ? text.operator.secret : text.operator.notSet
  if (value === null) {
    return (
      <Text size="sm" c="dimmed">
        {words}
      </Text>
    )
  }
  return (
    <Text size="sm" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
      {sentence ?? value}
    </Text>
  )
}
