// Reads a log of deposits with the packages that Go's checksum database is read with: two checkpoints, tiles and entries,
// and proves from them that the newer tree grew from the older one and has the entries. Knows nothing of Comity.
//
//	read-log KEY FOLDER OLDER-CHECKPOINT INDEX...
//
// Prints the newer tree's size and root, and for each index the entry in hex; fails at the first thing that does not hold.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

// A folder of tiles. C2SP tlog-tiles leaves the height out of the paths that this package writes.
type folder struct {
	path string
}

func (f folder) Height() int { return height }

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, 0, len(tiles))
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		data, err := os.ReadFile(filepath.Join(f.path, path))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", path, len(data))
		}
		all = append(all, data)
	}
	return all, nil
}

// The entry at an index of a tree: one of a tile's, each behind its length.
func (f folder) entry(size, index int64) ([]byte, error) {
	tile := tlog.Tile{H: height, L: 0, N: index / width, W: int(min(size-index/width*width, width))}
	path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(f.path, path))
	if err != nil {
		return nil, err
	}
	for place := index % width; ; place-- {
		if len(data) < 2 {
			return nil, fmt.Errorf("%s is too short", path)
		}
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			return nil, fmt.Errorf("%s is too short", path)
		}
		if place == 0 {
			return data[2 : 2+length], nil
		}
		data = data[2+length:]
	}
}

// The tree of a checkpoint that the key signed.
func open(path string, verifier note.Verifier) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, errors.New("this is no checkpoint of the log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

func run(key, path, older string, indexes []string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	newTree, err := open(filepath.Join(path, "checkpoint"), verifier)
	if err != nil {
		return err
	}
	oldTree, err := open(older, verifier)
	if err != nil {
		return err
	}
	tiles := folder{path}
	hashes := tlog.TileHashReader(newTree, tiles)
	root, err := tlog.TreeHash(newTree.N, hashes)
	if err != nil {
		return err
	}
	if root != newTree.Hash {
		return errors.New("the tiles are not those of the checkpoint")
	}
	grown, err := tlog.ProveTree(newTree.N, oldTree.N, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(grown, newTree.N, newTree.Hash, oldTree.N, oldTree.Hash); err != nil {
		return err
	}
	fmt.Println(newTree.N, newTree.Hash)
	for _, text := range indexes {
		index, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		entry, err := tiles.entry(newTree.N, index)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(newTree.N, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, newTree.N, newTree.Hash, index, tlog.RecordHash(entry)); err != nil {
			return err
		}
		fmt.Printf("%d %x\n", index, entry)
	}
	return nil
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "read-log KEY FOLDER OLDER-CHECKPOINT INDEX...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
