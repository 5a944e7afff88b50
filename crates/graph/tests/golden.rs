//! The forms of one definition, as files to be looked at. `UPDATE_EXPECT=1` writes them anew.

use expect_test::expect_file;
use stairwell_graph::{Direction, Graph, Layout, NodeStatus, Statuses, Theme};

fn order() -> Graph {
    Graph::read(include_str!("golden/order.asl.json")).expect("it is JSON")
}

#[test]
fn the_picture_of_a_definition() {
    let graph = order();
    let svg = Layout::of(&graph, Direction::Down).to_svg(&graph, None, Theme::Automatic);
    expect_file!["golden/order.svg"].assert_eq(&svg);
}

#[test]
fn the_picture_of_an_execution() {
    let graph = order();
    let statuses = [
        ("/States/ValidateOrder", NodeStatus::Succeeded),
        ("/States/InStock?", NodeStatus::Succeeded),
        ("/States/Prepare", NodeStatus::Failed),
        ("/States/Prepare/Branches[0]/States/ReserveStock", NodeStatus::Succeeded),
        ("/States/Prepare/Branches[0]/States/PrintLabel", NodeStatus::Succeeded),
        ("/States/Prepare/Branches[1]/States/Pay", NodeStatus::Failed),
        ("/States/Prepare/Branches[2]/States/PackItems", NodeStatus::Aborted),
        (
            "/States/Prepare/Branches[2]/States/PackItems/ItemProcessor/States/Pick",
            NodeStatus::Aborted,
        ),
    ];
    let statuses: Statuses = statuses.map(|(id, status)| (id.to_owned(), status)).into();
    assert!(statuses.keys().all(|id| graph.nodes.iter().any(|node| node.id == *id)));
    let layout = Layout::of(&graph, Direction::Right);
    let svg = layout.to_svg(&graph, Some(&statuses), Theme::Dark);
    expect_file!["golden/order-failed.svg"].assert_eq(&svg);
}

#[test]
fn the_places_of_a_definition() {
    let graph = order();
    let json = Layout::of(&graph, Direction::Down).to_json(&graph, None).to_pretty_string() + "\n";
    expect_file!["golden/order.layout.json"].assert_eq(&json);
}

#[test]
fn the_definition_as_text_for_others_to_draw() {
    expect_file!["golden/order.mmd"].assert_eq(&order().to_mermaid(Direction::Down));
    expect_file!["golden/order.dot"].assert_eq(&order().to_dot(Direction::Right));
}

#[test]
fn names_that_mean_something_to_a_viewer_are_names() {
    let name = r#"<script>alert(1)</script>&"'"#;
    let definition = format!(
        r#"{{"StartAt":{0},"States":{{{0}:{{"Type":"Pass","Comment":"x","End":true}}}}}}"#,
        json::Value::from(name).to_text()
    );
    let graph = Graph::read(&definition).expect("it is JSON");
    let svg = Layout::of(&graph, Direction::Down).to_svg(&graph, None, Theme::Light);
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
    let mermaid = graph.to_mermaid(Direction::Down);
    assert!(!mermaid.contains("<script") && mermaid.contains("#60;script#62;"), "{mermaid}");
    assert!(graph.to_dot(Direction::Down).contains(r#"&\"'"#));
}
