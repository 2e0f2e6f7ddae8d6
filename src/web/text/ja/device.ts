import type { Text } from '../en/index.ts'

export const device: Text['device'] = {
  title: 'コマンドラインを許可',
  lead: 'あなたと同じ権限のトークンを受け取ります。自分で始めた場合だけ許可してください。',
  code: '表示されているコード',
  look: '要求元を確認',
  asks: (name, address) => `${name} が ${address} から要求しています。`,
  approve: '許可する',
  deny: '拒否する',
  approved: '許可しました。このページは閉じてかまいません。',
  denied: '拒否しました。',
}
