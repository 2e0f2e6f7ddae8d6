import type { Text } from '../en/index.ts'

export const device: Text['device'] = {
  title: 'サインインの承認',
  lead: '承認すると、あなたと同じ権限を持つトークンがコマンドラインに発行されます。自分で開始した操作の場合にだけ承認してください。',
  code: 'ターミナルに表示されているコード',
  look: '続ける',
  approve: '承認',
  deny: '拒否',
  approved: '承認しました。このページを閉じて、ターミナルに戻ってください。',
  denied: '拒否しました。トークンは発行されていません。',
  name: 'デバイス',
  from: 'アドレス',
  asked: '要求された時刻',
  as: 'サインインするアカウント',
}
