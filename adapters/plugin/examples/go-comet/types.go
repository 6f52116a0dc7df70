package main

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"comity.example/go-comet/adapterv1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// CometBFT writes 64-bit numbers as text and hashes as hex; bytes are base64, which encoding/json reads by itself.

type number uint64

func (n *number) UnmarshalJSON(text []byte) error {
	if len(text) >= 2 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	read, err := strconv.ParseUint(string(text), 10, 64)
	*n = number(read)
	return err
}

type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(text []byte) error {
	var digits string
	if err := json.Unmarshal(text, &digits); err != nil {
		return err
	}
	read, err := hex.DecodeString(digits)
	*h = read
	return err
}

type statusResult struct {
	NodeInfo struct {
		Network string `json:"network"`
	} `json:"node_info"`
	SyncInfo struct {
		Latest   number `json:"latest_block_height"`
		Earliest number `json:"earliest_block_height"`
	} `json:"sync_info"`
}

type blockID struct {
	Hash  hexBytes `json:"hash"`
	Parts struct {
		Total uint32   `json:"total"`
		Hash  hexBytes `json:"hash"`
	} `json:"parts"`
}

func (id blockID) wire() *adapterv1.CometBlockId {
	if len(id.Hash) == 0 {
		return nil
	}
	return &adapterv1.CometBlockId{Hash: id.Hash, PartsTotal: id.Parts.Total, PartsHash: id.Parts.Hash}
}

type header struct {
	Version struct {
		Block number `json:"block"`
		App   number `json:"app"`
	} `json:"version"`
	ChainID            string    `json:"chain_id"`
	Height             number    `json:"height"`
	Time               time.Time `json:"time"`
	LastBlockID        blockID   `json:"last_block_id"`
	LastCommitHash     hexBytes  `json:"last_commit_hash"`
	DataHash           hexBytes  `json:"data_hash"`
	ValidatorsHash     hexBytes  `json:"validators_hash"`
	NextValidatorsHash hexBytes  `json:"next_validators_hash"`
	ConsensusHash      hexBytes  `json:"consensus_hash"`
	AppHash            hexBytes  `json:"app_hash"`
	LastResultsHash    hexBytes  `json:"last_results_hash"`
	EvidenceHash       hexBytes  `json:"evidence_hash"`
	ProposerAddress    hexBytes  `json:"proposer_address"`
}

func (h header) wire() *adapterv1.CometHeader {
	return &adapterv1.CometHeader{
		VersionBlock:       uint64(h.Version.Block),
		VersionApp:         uint64(h.Version.App),
		ChainId:            h.ChainID,
		Height:             uint64(h.Height),
		Time:               timestamppb.New(h.Time),
		LastBlockId:        h.LastBlockID.wire(),
		LastCommitHash:     h.LastCommitHash,
		DataHash:           h.DataHash,
		ValidatorsHash:     h.ValidatorsHash,
		NextValidatorsHash: h.NextValidatorsHash,
		ConsensusHash:      h.ConsensusHash,
		AppHash:            h.AppHash,
		LastResultsHash:    h.LastResultsHash,
		EvidenceHash:       h.EvidenceHash,
		ProposerAddress:    h.ProposerAddress,
	}
}

type commit struct {
	Height     number  `json:"height"`
	Round      uint32  `json:"round"`
	BlockID    blockID `json:"block_id"`
	Signatures []struct {
		Flag      uint32    `json:"block_id_flag"`
		Address   hexBytes  `json:"validator_address"`
		Time      time.Time `json:"timestamp"`
		Signature []byte    `json:"signature"`
	} `json:"signatures"`
}

func (c commit) wire() *adapterv1.CometCommit {
	told := &adapterv1.CometCommit{Height: uint64(c.Height), Round: c.Round, BlockId: c.BlockID.wire()}
	for _, entry := range c.Signatures {
		signature := &adapterv1.CometCommitSig{Flag: entry.Flag}
		// 1 is an absent vote: nothing else is set.
		if entry.Flag != 1 {
			signature.ValidatorAddress = entry.Address
			signature.Time = timestamppb.New(entry.Time)
			signature.Signature = entry.Signature
		}
		told.Signatures = append(told.Signatures, signature)
	}
	return told
}

type commitResult struct {
	SignedHeader struct {
		Header header `json:"header"`
		Commit commit `json:"commit"`
	} `json:"signed_header"`
}

type validatorsResult struct {
	Validators []struct {
		PubKey struct {
			Value []byte `json:"value"`
		} `json:"pub_key"`
		Power number `json:"voting_power"`
	} `json:"validators"`
	Total number `json:"total"`
}

type queryAnswer struct {
	Code      uint32 `json:"code"`
	Codespace string `json:"codespace"`
	Log       string `json:"log"`
	Value     []byte `json:"value"`
	Height    number `json:"height"`
	ProofOps  struct {
		Ops []struct {
			Type string `json:"type"`
			Data []byte `json:"data"`
		} `json:"ops"`
	} `json:"proofOps"`
}

type event struct {
	Type       string `json:"type"`
	Attributes []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"attributes"`
}

// A Comity ledger reports each of its events as an ABCI event of type "comity", whose attribute "event" holds the canonical
// bytes in hex.
func comityEvents(list []event) (found [][]byte) {
	for _, one := range list {
		if one.Type != "comity" {
			continue
		}
		for _, attribute := range one.Attributes {
			if attribute.Key != "event" {
				continue
			}
			if canonical, err := hex.DecodeString(attribute.Value); err == nil {
				found = append(found, canonical)
			}
		}
	}
	return found
}

type txResult struct {
	Code      uint32  `json:"code"`
	Codespace string  `json:"codespace"`
	Log       string  `json:"log"`
	Events    []event `json:"events"`
}

type blockResults struct {
	Height      number     `json:"height"`
	TxsResults  []txResult `json:"txs_results"`
	BlockEvents []event    `json:"finalize_block_events"`
}

type foundTx struct {
	Hash     hexBytes `json:"hash"`
	Height   number   `json:"height"`
	TxResult txResult `json:"tx_result"`
}

type broadcastResult struct {
	CheckTx  txResult `json:"check_tx"`
	TxResult txResult `json:"tx_result"`
	Height   number   `json:"height"`
}
